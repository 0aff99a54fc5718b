import { HidiffError } from "@hidiff/core-tensor/errors";

/** A slice of a drawn volume. */
export interface DrawnSlice {
  /** [height, width, channels] in the units of the modality */
  readonly image: Float32Array;
  /** [height, width] */
  readonly labels: Uint8Array;
}

/**
 * A volume that is drawn slice by slice, when a slice is asked for, always alike: from feet to head, rows from front to
 * back and columns from the patient's right to the left, as radiologists look at it.
 */
export interface DrawnVolume {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Distance between pixel centres along depth, height and width, in millimetres. */
  readonly spacing: readonly [number, number, number];
  slice(index: number): DrawnSlice;
}

/** @throws `datasets.option` for a size (in pixels, each way) below 32 or a depth (in slices) below 1 */
export function checkDrawnSize(operation: string, size: number, depth: number): void {
  for (const [name, value, least] of [["size", size, 32], ["depth", depth, 1]] as const) {
    if (Number.isInteger(value) && value >= least) continue;
    throw new HidiffError("datasets.option", `${operation}: ${name} must be an integer ≥ ${least}, got ${value}.`);
  }
}
