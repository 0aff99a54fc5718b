import { HidiffError } from "@hidiff/core-tensor/errors";
import type { TrainingReport, ValidationReport } from "hidiff";
import { runTraining } from "hidiff/node";
import { useBackend } from "../backend.ts";
import { stopped } from "../errors.ts";
import { writeManifest } from "../files/manifest.ts";
import { type ConfigurationOptions, defaultRunFolder, readConfiguration } from "../options/configuration.ts";
import { formatDuration } from "../terminal/duration.ts";
import { onInterruption } from "../terminal/interruption.ts";
import { Output } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

export interface TrainOptions extends ConfigurationOptions {
  readonly out?: string;
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
  const { out: folder = defaultRunFolder(options), resume = false } = options;
  const configuration = await readConfiguration(options, folder);
  const backend = await useBackend(options.backend, output);
  const bars = new PhaseBars();
  const interruption = onInterruption(() => bars.note("Stopping as soon as this step is done; Ctrl-C once more stops at once, without a checkpoint."));
  output.emit({ event: "start", folder, backend: backend.name, configuration });
  let checkpoint: string | undefined;
  try {
    const { complete, bundle, waiting, model } = await runTraining(configuration, {
      folder,
      resume,
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
      onValidation: (report, { progress }) => {
        bars.note(describeValidation(report, progress.pretraining + progress.alternating));
        output.emit({ event: "validation", progress, ...report });
      },
      onCheckpoint: (path) => {
        checkpoint = path;
        output.emit({ event: "checkpoint", path });
      },
    });
    bars.stop();
    model.dispose();
    if (!complete) {
      output.emit({ event: "stopped", checkpoint });
      throw new HidiffError(stopped, `everything done so far is in ${checkpoint}. Continue with: hidiff train --resume --out ${folder}`);
    }
    await writeManifest(folder, { command: "train", backend, startedAt, details: { seed: configuration.training.seed, resumed: resume, configuration, bundle } });
    output.emit({ event: "done", bundle, waiting });
    output.print(`Trained in ${formatDuration((Date.now() - startedAt.getTime()) / 1000)}. The model is ${bundle}`);
    output.print(`Waited for data: ${(100 * waiting).toFixed(1)} % of the time.`);
    output.print(`Evaluate it: hidiff evaluate --model ${bundle}`);
  } finally {
    bars.stop();
    interruption.release();
  }
}

/** A bar per phase, the reading of the cases before the first one included. */
class PhaseBars {
  #phase: TrainingReport["phase"] | "preparation" | undefined;
  #bar: Progress | undefined;
  /** When the last iteration ended: a phase's bar appears with its first report, but began then. */
  #reportedAt: number = performance.now();

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
    if (this.#bar === undefined) process.stderr.write(`${text}\n`);
    else this.#bar.note(text);
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

function describeValidation({ segmentorDice, refinedDice, stepDice }: ValidationReport, iteration: number): string {
  const steps = stepDice.length === 0 ? "" : `; by step ${stepDice.map(({ dice }) => dice.toFixed(3)).join(" ")}`;
  return `Validation after ${iteration}: Dice segmentor ${segmentorDice.toFixed(4)}, refined ${refinedDice.toFixed(4)}${steps}`;
}
