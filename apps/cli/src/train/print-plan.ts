import type { BackendChoice } from "@hidiff/core-tensor";
import type { Configuration } from "hidiff";
import type { EstimatedTime, MeasuredTime, MemoryEstimate, PlannedNetwork, PlannedPhase, TrainingPlan } from "hidiff/node";
import { formatBytes, formatCount, formatSeconds } from "../bench/units.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Output } from "../terminal/output.ts";
import { phaseLabels } from "./run.ts";

interface Surroundings {
  readonly folder: string;
  readonly backend: BackendChoice;
  readonly configuration: Configuration;
}

/** The plan for people. */
export function printPlan(plan: TrainingPlan, { folder, backend, configuration }: Surroundings, output: Output): void {
  const { dataset, networks, batch, augmentation, phases, validation, selection, files, measurement, seconds } = plan;
  const { training } = configuration;
  const section = (title: string, lines: readonly string[]): void => {
    output.print(output.colours.bold(title));
    for (const line of lines) output.print(`  ${line}`);
    output.print();
  };
  section("Data", [
    `${dataset.name}: ${dataset.imageChannels} ${plural(dataset.imageChannels, "channel")}; classes ${dataset.classNames.join(", ")}`,
    ...(["train", "validation", "test"] as const).map((split) => `${split}: ${splitSize(plan, split)}`),
    ...dataset.preprocessing,
    ...dataset.notes.map((note) => `Note: ${note}`),
  ]);
  section("Networks", [networkLine("segmentor", networks.segmentor), networkLine("refiner", networks.refiner)]);
  section("Batches", [
    `${batch.size} crops of ${batch.cropSize}×${batch.cropSize} pixels${batch.microBatchSize < batch.size ? `, computed ${batch.microBatchSize} at a time` : ""}`,
    `augmentation: ${describeAugmentation(augmentation)}`,
  ]);
  section("Training", [
    ...phases.filter(({ iterations }) => iterations > 0).map((phase) => phaseLine(phase, dataset.volumes)),
    validation.looks === 0
      ? "no looks at validation crops"
      : `validation: ${validation.looks} ${plural(validation.looks, "look")} at ${validation.crops} crops of the ${validation.split} split, ${timeRange(validation.seconds)} in all, pictures included`,
    `checkpoints: every ${files.checkpointInterval} iterations, and at the end of a phase`,
    selection,
    ...(training.earlyStopping === undefined ? [] : [`It may end early: after ${training.earlyStopping.patience} looks without improvement.`]),
  ]);
  section("Written", [
    `into ${folder}: checkpoint ${formatBytes(files.checkpointBytes)}, model about ${formatBytes(files.bundleBytes)}` +
      (files.sliceBytes > 0 ? `, preprocessed slices about ${formatBytes(files.sliceBytes)}` : ""),
  ]);
  const scaled = measurement.batchSize < batch.size ? `; measured with ${measurement.batchSize} of a batch's ${batch.size} crops, and scaled` : "";
  section("Time and memory", [
    `backend ${backend.name}: ${backend.reason}`,
    `time: ${timeRange(seconds)} (from real iterations with random images${scaled}); reading the data goes on beside it`,
    memoryLine(measurement.memory),
  ]);
  output.print("Nothing was written. The same command without --dry-run trains.");
}

function memoryLine(memory: MemoryEstimate | undefined): string {
  if (memory === undefined) return "memory: not measured, since one crop alone takes too long";
  const how = memory.measured ? "measured" : "extrapolated from one and two crops";
  const advice = memory.tooMuch ? "; this machine has less to spare: a smaller training.microBatchSize or cropSize takes less" : "";
  return `memory: ${formatBytes(memory.peak)} at the peak (${how}), and up to 1.1 GB for images that are kept${advice}`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : noun.endsWith("ch") ? `${noun}es` : `${noun}s`;
}

function splitSize({ dataset }: TrainingPlan, split: keyof TrainingPlan["dataset"]["splits"]): string {
  const { cases, samples } = dataset.splits[split];
  return dataset.volumes ? `${cases} ${plural(cases, "volume")}, ${samples} ${plural(samples, "slice")}` : `${cases} ${plural(cases, "image")}`;
}

function networkLine(role: string, { name, parameters, bytes, trained }: PlannedNetwork): string {
  return `${role}: ${name}, ${formatCount(parameters)} parameters (${formatBytes(bytes)})${trained ? "" : ", not trained"}`;
}

function phaseLine({ name, iterations, epochs, iterationSeconds, seconds }: PlannedPhase, volumes: boolean): string {
  const seen = `each ${volumes ? "slice" : "image"} ${epochs < 10 ? epochs.toFixed(1) : Math.round(epochs)} times`;
  return `${phaseLabels[name].toLowerCase()}: ${iterations} iterations, ${seen}; ${iterationSeconds === undefined ? "" : `${measuredTime(iterationSeconds)} each, `}${timeRange(seconds)}`;
}

function measuredTime({ median, minimum, maximum }: MeasuredTime): string {
  return `${formatSeconds(median)} (${formatSeconds(minimum)} to ${formatSeconds(maximum)})`;
}

function timeRange({ likely, least, most }: EstimatedTime): string {
  const [about, from, to] = [likely, least, most].map(formatLong) as [string, string, string];
  return from === to ? `about ${about}` : `about ${about} (${from} to ${to})`;
}

function formatLong(seconds: number): string {
  return seconds < 3 * 86_400 ? formatDuration(seconds) : `${Math.round(seconds / 86_400)} days`;
}

/** "horizontalFlip 0.5, affine (rotation 20)". */
function describeAugmentation(augmentation: object): string {
  const parts = Object.entries(augmentation).flatMap(([name, value]: [string, unknown]) => {
    if (value === false || value === undefined || value === 0) return [];
    if (value === true) return [name];
    if (typeof value !== "object") return [`${name} ${String(value)}`];
    return [`${name} (${Object.entries(value as object).map(([key, inner]) => `${key} ${Array.isArray(inner) ? inner.join("–") : String(inner)}`).join(", ")})`];
  });
  return parts.length === 0 ? "none" : parts.join(", ");
}
