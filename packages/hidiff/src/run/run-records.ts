import type { TrainingReport } from "../training/report.ts";
import type { ValidationReport } from "../training/validate.ts";

/** When something happened in a training. */
interface RunMoment {
  readonly phase: TrainingReport["phase"];
  /** Completed iterations of the phase. */
  readonly iteration: number;
  /** Completed iterations of both phases. */
  readonly step: number;
}

/** One iteration. */
export interface IterationRecord extends TrainingReport, RunMoment {
  readonly type: "iteration";
}

/** One look at validation crops. */
export interface ValidationRecord extends ValidationReport, RunMoment {
  readonly type: "validation";
  /** Whether its refined Dice is the highest so far, and of validation images: the parameters are in `best.safetensors` then. */
  readonly best: boolean;
  /** How long it took. */
  readonly seconds: number;
}

/** One picture of validation crops: a row a crop; from the left image, truth, prior and refined mask. */
export interface PictureRecord extends RunMoment {
  readonly type: "picture";
  /** Its path within the run folder, with forward slashes. */
  readonly file: string;
  /** Its size, in pixels. */
  readonly height: number;
  readonly width: number;
}

/** One line of `metrics.jsonl`; in the order in which they happened, each step once, however often the run was resumed. */
export type RunRecord = IterationRecord | ValidationRecord | PictureRecord;

/** The losses that iterations can have, in the order of the table's columns. */
const lossNames = ["segmentation", "refinement", "segmentor"] as const;

type Cell = string | number | boolean | undefined;

/** A table of one kind of records: comma-separated values with a line of names (RFC 4180, lines end in a line feed). */
export interface RunTable {
  readonly header: string;
  /** The record's line; undefined for records of another kind. */
  row(record: RunRecord): string | undefined;
}

export const iterationTable: RunTable = {
  header: line(["phase", "iteration", "step", ...lossNames, "learningRate", "waiting", "seconds"]),
  row: (record) =>
    record.type === "iteration"
      ? line([...moment(record), ...lossNames.map((name) => record.losses[name]), record.learningRate, record.waiting, record.seconds])
      : undefined,
};

export const validationTable: RunTable = {
  header: line(["phase", "iteration", "step", "segmentorDice", "refinedDice", "best", "seconds"]),
  row: (record) =>
    record.type === "validation" ? line([...moment(record), record.segmentorDice, record.refinedDice, record.best, record.seconds]) : undefined,
};

function moment({ phase, iteration, step }: RunMoment): Cell[] {
  return [phase, iteration, step];
}

/** No cell holds a character that needs quotes. */
function line(cells: readonly Cell[]): string {
  return `${cells.map((cell) => cell ?? "").join(",")}\n`;
}
