import type { Tensor4D } from "@tensorflow/tfjs-core";
import { applySeparable, type AxisMatrix } from "./separable.ts";

export interface ResizeOptions {
  /** Whether the corner pixels' centres stay in place; else pixel areas correspond (half-pixel centres). Default false. */
  readonly alignCorners?: boolean;
}

/** Bilinear resizing of `[batch, height, width, channels]` to `size`, equal to PyTorch's `interpolate` without antialiasing. */
export function resizeBilinear(input: Tensor4D, size: readonly [number, number], options: ResizeOptions = {}): Tensor4D {
  const [, height, width] = input.shape;
  const { alignCorners = false } = options;
  return applySeparable(input, linearWeights(height, size[0], alignCorners), linearWeights(width, size[1], alignCorners));
}

/** Nearest-neighbour resizing to `size`: output i reads input ⌊i·in/out⌋, as PyTorch's `nearest`. */
export function resizeNearest(input: Tensor4D, size: readonly [number, number]): Tensor4D {
  const [, height, width] = input.shape;
  return applySeparable(input, nearestWeights(height, size[0]), nearestWeights(width, size[1]));
}

/**
 * Mean over a window of `length` pixels along one axis at stride 1, with zero padding that counts in the mean.
 * `[batch, height, width, channels]` keeps its shape; `length` is odd.
 */
export function slidingMean(input: Tensor4D, axis: "height" | "width", length: number): Tensor4D {
  const size = input.shape[axis === "height" ? 1 : 2];
  const matrix = fill(size, size, (row, column) => (2 * Math.abs(row - column) < length ? 1 / length : 0));
  return axis === "height" ? applySeparable(input, matrix, undefined) : applySeparable(input, undefined, matrix);
}

function linearWeights(from: number, to: number, alignCorners: boolean): AxisMatrix | undefined {
  if (from === to) return undefined;
  const scale = alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : from / to;
  return fill(to, from, (row, column) => {
    const position = alignCorners ? row * scale : Math.max((row + 0.5) * scale - 0.5, 0);
    return Math.max(0, 1 - Math.abs(Math.min(position, from - 1) - column));
  });
}

function nearestWeights(from: number, to: number): AxisMatrix | undefined {
  if (from === to) return undefined;
  return fill(to, from, (row, column) => (Math.floor((row * from) / to) === column ? 1 : 0));
}

function fill(rows: number, columns: number, weight: (row: number, column: number) => number): AxisMatrix {
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) values[row * columns + column] = weight(row, column);
  }
  return { rows, columns, values };
}
