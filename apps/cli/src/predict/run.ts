import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/node";
import { findPriors } from "@hidiff/datasets/node";
import { type HiDiff, type HiDiffOptions, type InferenceOptions, takesPriors } from "hidiff";
import { useBackend } from "../backend.ts";
import { stopped, usageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { manifestFile, writeManifest } from "../files/manifest.ts";
import { type InferenceFlags, inferenceOptions } from "../options/inference.ts";
import { checkPriorsOption, describeEngine, openModel } from "../options/model.ts";
import { formatDuration } from "../terminal/duration.ts";
import { withInterruption } from "../terminal/interruption.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { groupCases, type PredictionCase } from "./cases.ts";
import { dicomFilesIn, kindOf } from "./file-kind.ts";
import { type FoundPath, findInputs } from "./inputs.ts";
import { formatMeasurements } from "./measure-case.ts";
import { type CaseOptions, finishedCase, predictCase } from "./predict-case.ts";
import { Records } from "./records.ts";
import type { InputResult } from "./result.ts";
import { casesOfShard, type Shard, shardFile } from "./shard.ts";
import type { ResultOptions } from "./write-results.ts";

export interface PredictOptions extends InferenceFlags, HiDiffOptions, ResultOptions {
  readonly model: string;
  readonly out: string;
  /** A folder with another program's masks or probabilities, a file an input. */
  readonly priors?: string;
  readonly seed: number;
  readonly pixelSize?: number;
  readonly shard?: Shard;
  readonly overwrite?: boolean;
  readonly backend?: string;
  readonly json?: boolean;
}

const measurementsFile = "measurements.csv";

/**
 * `hidiff predict`: segments images and volumes; one that cannot be is reported and the others are done. What an earlier run
 * of the same command did is not done again. Ctrl-C ends it between two slices; what is done then stays, with its manifest.
 *
 * @throws HidiffError in the end: `cli.stopped` after Ctrl-C, `cli.failed` if an input could not be segmented
 */
export async function predict(inputs: readonly string[], options: PredictOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { out, shard } = options;
  const found = await findInputs(inputs, out);
  const backend = await useBackend(options.backend, output);
  const { model, path } = await openModel(options.model, options);
  const inference = inferenceOptions(model, options);
  checkOptions(model, inference, options);
  const all = await casesOf(model, found);
  const priors = options.priors === undefined ? undefined : await findPriors(options.priors, all.map(({ name }) => name));
  for (const note of priors?.notes ?? []) output.note(note);
  await makeFolder(out);
  const records = await Records.read(out);
  await records.open();

  const cases = casesOfShard(all, shard);
  const inputPaths = await Promise.all(all.flatMap(({ paths }) => paths.map((one) => realpath(one).catch(() => one))));
  const shared = { ...options, inference, records, inputs: new Set(inputPaths), overwrite: options.overwrite === true };
  const results = new Map<PredictionCase, InputResult>();
  const optionsOf = ({ name }: PredictionCase): Omit<CaseOptions, "onProgress"> => ({ ...shared, priorPath: priors?.files.get(name) });
  if (options.overwrite !== true) {
    for (const input of cases) {
      const result = await finishedCase(model, input, optionsOf(input));
      if (result !== undefined) results.set(input, result);
    }
  }
  const left = cases.filter((input) => !results.has(input));
  if (results.size > 0) output.note(`${results.size} done before, ${left.length} to do.`);
  if (left.length > 0) await predictCases(model, left, optionsOf, results);

  const ordered = cases.flatMap((input) => results.get(input) ?? []);
  const details = {
    model: { path, name: model.manifest.name, checksums: model.manifest.checksums },
    seed: options.seed,
    options: inference,
    ...(shard === undefined ? {} : { shard }),
    engine: await describeEngine(model),
    results: ordered,
  };
  model.dispose();
  await writeFileAtomic(join(out, shardFile(measurementsFile, shard)), formatMeasurements(ordered));
  const manifest = await writeManifest(out, { command: "predict", backend, startedAt, details, file: shardFile(manifestFile, shard) });
  output.emit(manifest);
  const failed = ordered.filter((result) => "error" in result).length;
  output.print(`${ordered.length - failed} of ${ordered.length} segmented into ${out} in ${formatDuration(manifest.seconds)}.`);
  if (ordered.length < cases.length) throw new HidiffError(stopped, `${cases.length - ordered.length} of ${cases.length} inputs are not done; the same command goes on with them.`);
  if (failed > 0) throw new HidiffError("cli.failed", `${failed} of ${ordered.length} inputs could not be segmented.`);
}

/** Segments cases one after the other, until Ctrl-C. */
async function predictCases(
  model: HiDiff,
  cases: readonly PredictionCase[],
  optionsOf: (input: PredictionCase) => Omit<CaseOptions, "onProgress">,
  results: Map<PredictionCase, InputResult>,
): Promise<void> {
  // Of a single case, its percentage tells more than its number.
  const total = { total: cases.length, ...(cases.length === 1 ? {} : { unit: "images" }) };
  await withProgress(total, (progress) =>
    withInterruption(
      () => progress.note("Stopping; Ctrl-C once more stops at once."),
      async (check) => {
        try {
          for (const [index, input] of cases.entries()) {
            const onProgress = (fraction: number): Promise<void> => {
              progress.update(index + 0.999 * fraction, input.name);
              return check();
            };
            await onProgress(0);
            const result = await predictCase(model, input, { ...optionsOf(input), onProgress });
            if ("error" in result) progress.note(`error: ${result.error}`);
            results.set(input, result);
            progress.update(index + 1, input.name);
          }
        } catch (error) {
          if (!isHidiffError(error) || error.code !== stopped) throw error;
        }
      },
    ),
  );
}

function checkOptions(model: HiDiff, inference: InferenceOptions, { uncertainty, priors, pixelSize }: PredictOptions): void {
  if (uncertainty === true && inference.samples === 1 && !inference.flips) {
    throw usageError("--uncertainty is the variance over samples, so it needs --samples 2 or more.");
  }
  if (pixelSize !== undefined && !(pixelSize > 0)) throw usageError(`--pixel-size ${pixelSize}: it must be more than 0 millimetres.`);
  checkPriorsOption(model, priors);
  if (priors === undefined && takesPriors(model.model)) {
    throw usageError(`the model ${model.manifest.name} refines another program's masks; give those of the inputs with --priors FOLDER.`);
  }
}

/** The cases that paths are for a model. One of pictures takes each DICOM file by itself. */
async function casesOf({ manifest }: HiDiff, found: readonly FoundPath[]): Promise<PredictionCase[]> {
  const volumes = new Set<string>();
  const paths: FoundPath[] = [];
  for (const one of found) {
    const kind = await kindOf(one.path);
    if (kind === "dicom series" && manifest.preprocessing.volumes === undefined) {
      paths.push(...(await dicomFilesIn(one.path)).map((path) => ({ path, listed: true })));
      continue;
    }
    if (kind === "volume" || kind === "dicom series") volumes.add(one.path);
    paths.push(one);
  }
  return groupCases(paths, { count: manifest.architecture.imageChannels, channelNames: manifest.channelNames }, volumes);
}
