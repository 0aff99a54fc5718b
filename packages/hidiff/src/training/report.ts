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
  /** The fraction of the time since the report before that was spent waiting for batches. */
  readonly waiting: number;
}

export interface TrainingCallbacks {
  readonly onIteration?: (report: TrainingReport) => void | Promise<void>;
  /** Called every `checkpointInterval` iterations, at the end of a phase, and when the training is stopped. */
  readonly onCheckpoint?: (session: TrainingSession) => void | Promise<void>;
  /** Called every `validationInterval` iterations of the alternation and at its end. */
  readonly onValidation?: (session: TrainingSession) => void | Promise<void>;
  /** Stops the training after the iteration that runs. */
  readonly signal?: AbortSignal;
}
