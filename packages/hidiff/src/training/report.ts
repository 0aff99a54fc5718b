import type { TrainingProgress, TrainingSession } from "./session.ts";

/** What training tells after every iteration. */
export interface TrainingReport {
  readonly phase: keyof TrainingProgress;
  /** Completed iterations of this phase, and their total. */
  readonly iteration: number;
  readonly total: number;
  /** Losses of this iteration by name; the diffusion losses in bits. */
  readonly losses: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** How long the iteration took, in seconds. */
  readonly seconds: number;
  /** The fraction of that time that was spent waiting for batches, in [0, 1]. */
  readonly waiting: number;
}

export interface TrainingCallbacks {
  readonly onIteration?: (report: TrainingReport) => void | Promise<void>;
  /** Called every `checkpointInterval` iterations, at the end of a phase, however it comes, and when the training is stopped. */
  readonly onCheckpoint?: (session: TrainingSession) => void | Promise<void>;
  /**
   * Called every `validationInterval` iterations of a phase and at its end. For `earlyStopping`, it hands what it found to
   * `session.recordLook`.
   */
  readonly onValidation?: (session: TrainingSession) => void | Promise<void>;
  /** Stops the training after the iteration that runs. */
  readonly signal?: AbortSignal;
}
