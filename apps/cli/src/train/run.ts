import { availableParallelism, totalmem } from "node:os";
import type { BackendChoice } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { TrainingReport } from "hidiff";
import { runTraining, type ValidationRecord } from "hidiff/node";
import { useBackend } from "../backend.ts";
import { stopped, usageError } from "../errors.ts";
import { writeManifest } from "../files/manifest.ts";
import { type ConfigurationOptions, defaultRunFolder, readConfiguration } from "../options/configuration.ts";
import type { TrainingStatus } from "../report/training-page.ts";
import { writeTrainingReport } from "../report/training-report.ts";
import { formatDuration } from "../terminal/duration.ts";
import { onInterruption } from "../terminal/interruption.ts";
import { Output } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { versions } from "../versions.ts";

export interface TrainOptions extends Omit<ConfigurationOptions, "resume"> {
  readonly out?: string;
  /** The run folder to go on in; true: the one that `out` names. */
  readonly resume?: boolean | string;
  readonly backend?: string;
  readonly json?: boolean;
}

export const phaseLabels: Readonly<Record<TrainingReport["phase"], string>> = {
  pretraining: "Segmentor",
  alternating: "Both networks",
};

/**
 * `hidiff train`.
 *
 * @throws HidiffError `cli.stopped` after Ctrl-C, and those of the configuration and of training
 */
export async function train(options: TrainOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const { folder, resume } = runFolder(options);
  const configuration = await readConfiguration({ ...options, resume }, folder);
  const backend = await useBackend(options.backend, output);
  const bars = new PhaseBars(output);
  const interruption = onInterruption(() => bars.note("Stopping as soon as this step is done; Ctrl-C once more stops at once, without a checkpoint."));
  const about = aboutProgram(backend);
  // A training does not fail because of its report.
  const report = (status: TrainingStatus): Promise<void> =>
    writeTrainingReport(folder, status, about).catch((error: unknown) => bars.note(`report.html was not written: ${error instanceof Error ? error.message : String(error)}`));
  output.emit({ event: "start", folder, backend: backend.name, configuration });
  let checkpoint: string | undefined;
  let isReported = false; // as running
  try {
    const { complete, bundle, finishedBefore, selected, waiting, model } = await runTraining(configuration, {
      folder,
      resume,
      about,
      signal: interruption.signal,
      onNote: (note) => {
        bars.note(note);
        output.emit({ event: "note", note });
      },
      onPreparation: (done, total) => bars.showPreparation(done, total),
      onBadCase: (id, error) => {
        bars.note(`Left out ${id}: ${error.message}`);
        output.emit({ event: "skipped", id, reason: error.message });
      },
      onIteration: (report) => {
        bars.show(report);
        output.emit({ event: "iteration", ...report });
      },
      onValidation: async ({ type: event, ...record }) => {
        bars.note(describeValidation(record));
        output.emit({ event, ...record });
        isReported = true;
        await report("running");
      },
      onCheckpoint: (path) => {
        checkpoint = path;
        output.emit({ event: "checkpoint", path });
      },
    });
    bars.stop();
    model.dispose();
    isReported = false;
    if (!finishedBefore) await report(complete ? "finished" : "stopped");
    if (!complete) {
      output.emit({ event: "stopped", checkpoint });
      throw new HidiffError(stopped, `everything done so far is in ${checkpoint}. Continue with: hidiff train --resume ${folder}`);
    }
    if (finishedBefore) {
      output.emit({ event: "done", bundle, finishedBefore });
      output.print(`This training is finished already. The model is ${bundle}`);
      return;
    }
    await writeManifest(folder, { command: "train", backend, startedAt, details: { seed: configuration.training.seed, resumed: resume, configuration, bundle } });
    output.emit({ event: "done", bundle, finishedBefore, selected: selected ?? null, waiting });
    output.print(`Trained in ${formatDuration((Date.now() - startedAt.getTime()) / 1000)}. The model is ${bundle}`);
    if (selected !== undefined) {
      output.print(`Its parameters are the best by validation: of iteration ${selected.iteration} of both networks, refined Dice ${selected.refinedDice.toFixed(4)}.`);
    }
    output.print(`Waited for data: ${(100 * waiting).toFixed(1)} % of the time.`);
    output.print(`Evaluate it: hidiff evaluate --model ${bundle}`);
  } catch (error) {
    if (isReported) await report("stopped");
    throw error;
  } finally {
    bars.stop();
    interruption.release();
  }
}

/** @throws HidiffError `usage.option` */
export function runFolder(options: TrainOptions): { folder: string; resume: boolean } {
  const { out, resume = false } = options;
  if (typeof resume === "boolean") return { folder: out ?? defaultRunFolder({ ...options, resume }), resume };
  if (out !== undefined && out !== resume) throw usageError(`--resume ${resume} goes on in that folder; leave --out ${out} out.`);
  return { folder: resume, resume: true };
}

/** What the run's log says of the program and the machine. */
function aboutProgram({ name, reason }: BackendChoice): Record<string, string> {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return {
    ...versions(),
    platform: `${process.platform}-${process.arch}`,
    processors: String(availableParallelism()),
    memory: `${gibibytes} GiB`,
    backend: `${name} (${reason})`,
  };
}

/** A bar per phase, the reading of the cases before the first one included. */
class PhaseBars {
  readonly #output: Output;
  #phase: TrainingReport["phase"] | "preparation" | undefined;
  #bar: Progress | undefined;
  /** When the last iteration ended: a phase's bar appears with its first report, but began then. */
  #reportedAt: number = performance.now();

  constructor(output: Output) {
    this.#output = output;
  }

  showPreparation(done: number, total: number): void {
    if (this.#phase !== "preparation") this.#start("preparation", { total, unit: "cases" });
    this.#bar?.update(done, "Reading the data");
    this.#reportedAt = performance.now();
  }

  show({ phase, iteration, total, losses }: TrainingReport): void {
    if (phase !== this.#phase) this.#start(phase, { total, done: iteration - 1, unit: "it" });
    this.#bar?.update(iteration, phaseLabels[phase], describeLosses(losses));
    this.#reportedAt = performance.now();
  }

  note(text: string): void {
    if (this.#bar === undefined) this.#output.note(text);
    else this.#bar.note(text);
    this.#reportedAt = performance.now(); // what was told of, such as a validation, took time that is no phase's
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start(phase: TrainingReport["phase"] | "preparation", options: Omit<ConstructorParameters<typeof Progress>[0], "since">): void {
    this.stop();
    this.#phase = phase;
    this.#bar = new Progress({ ...options, since: this.#reportedAt });
  }
}

/** "refinement 0.0123". */
export function describeLosses(losses: TrainingReport["losses"]): string[] {
  return Object.entries(losses).map(([name, value]) => `${name} ${value.toPrecision(3)}`);
}

function describeValidation({ step, segmentorDice, refinedDice, stepDice, best }: Omit<ValidationRecord, "type">): string {
  const steps = stepDice.length === 0 ? "" : `; by step ${stepDice.map(({ dice }) => dice.toFixed(3)).join(" ")}`;
  const rank = best ? " (the best so far)" : "";
  return `Validation after ${step}: Dice segmentor ${segmentorDice.toFixed(4)}, refined ${refinedDice.toFixed(4)}${rank}${steps}`;
}
