import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Interpolation } from "./schema.ts";
import { splineCoefficients } from "./spline-coefficients.ts";
import { axisTaps, nearestIndices } from "./taps.ts";

/**
 * Resamples an array to another size, as SciPy's `ndimage.zoom(data, size / shape, order)` does by default: order 0 for
 * `nearest`, 1 for `linear`, 3 for `cubic` (a B-spline through the samples, which may overshoot them).
 *
 * The centres of the first and last samples of each axis stay where they are. Axes whose size stays, such as channels,
 * are left alone. Sums are in double precision.
 *
 * @param data an array of this `shape`, in C order
 * @param size of the result: as many positive integers as `shape` has
 * @returns a new array of the same type
 * @throws HidiffError `datasets.zoom` for sizes that are not positive integers, or do not fit the data
 */
export function zoom(data: Float32Array, shape: readonly number[], size: readonly number[], interpolation: Interpolation): Float32Array;
export function zoom(data: Float64Array, shape: readonly number[], size: readonly number[], interpolation: Interpolation): Float64Array;
export function zoom(
  data: Float32Array | Float64Array,
  shape: readonly number[],
  size: readonly number[],
  interpolation: Interpolation,
): Float32Array | Float64Array {
  checkSizes(data.length, shape, size);
  const axes = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== size[axis]);
  if (axes.length === 0) return data.slice();
  if (interpolation === "nearest") return nearest(data, shape, size);
  axes.sort((a, b) => size[a]! / shape[a]! - size[b]! / shape[b]!); // what shrinks most comes first: less is left to do
  const current = [...shape];
  let values = Float64Array.from(data);
  for (const axis of axes) {
    const outer = product(current.slice(0, axis));
    const inner = product(current.slice(axis + 1));
    if (interpolation === "cubic") splineCoefficients(values, outer, current[axis]!, inner);
    values = zoomAxis(values, outer, current[axis]!, inner, size[axis]!, interpolation);
    current[axis] = size[axis]!;
  }
  return data instanceof Float32Array ? Float32Array.from(values) : values;
}

/** [outer, input, inner] → [outer, output, inner] */
function zoomAxis(
  data: Float64Array,
  outer: number,
  input: number,
  inner: number,
  output: number,
  interpolation: "linear" | "cubic",
): Float64Array<ArrayBuffer> {
  const { indices, weights } = axisTaps(input, output, interpolation);
  const result = new Float64Array(outer * output * inner);
  for (let part = 0; part < outer; part++) {
    const from = part * input * inner;
    for (let index = 0; index < output; index++) {
      const to = (part * output + index) * inner;
      if (interpolation === "linear") {
        const a = from + indices[2 * index]! * inner;
        const b = from + indices[2 * index + 1]! * inner;
        const wa = weights[2 * index]!;
        const wb = weights[2 * index + 1]!;
        for (let i = 0; i < inner; i++) result[to + i] = wa * data[a + i]! + wb * data[b + i]!;
        continue;
      }
      const a = from + indices[4 * index]! * inner;
      const b = from + indices[4 * index + 1]! * inner;
      const c = from + indices[4 * index + 2]! * inner;
      const d = from + indices[4 * index + 3]! * inner;
      const wa = weights[4 * index]!;
      const wb = weights[4 * index + 1]!;
      const wc = weights[4 * index + 2]!;
      const wd = weights[4 * index + 3]!;
      for (let i = 0; i < inner; i++) {
        result[to + i] = wa * data[a + i]! + wb * data[b + i]! + wc * data[c + i]! + wd * data[d + i]!;
      }
    }
  }
  return result;
}

function nearest<T extends Float32Array | Float64Array>(data: T, shape: readonly number[], size: readonly number[]): T {
  let offsets: Int32Array = new Int32Array(1);
  for (const [axis, output] of size.entries()) {
    const indices = nearestIndices(shape[axis]!, output);
    const next = new Int32Array(offsets.length * output);
    for (let i = 0; i < next.length; i++) next[i] = offsets[Math.floor(i / output)]! * shape[axis]! + indices[i % output]!;
    offsets = next;
  }
  const result = (data instanceof Float32Array ? new Float32Array(offsets.length) : new Float64Array(offsets.length)) as T;
  for (let i = 0; i < result.length; i++) result[i] = data[offsets[i]!]!;
  return result;
}

function checkSizes(length: number, shape: readonly number[], size: readonly number[]): void {
  const proper = [...shape, ...size].every((value) => Number.isSafeInteger(value) && value > 0);
  if (proper && shape.length === size.length && length === product(shape)) return;
  throw new HidiffError(
    "datasets.zoom",
    `zoom: expected data of the given shape and a size of positive integers, one an axis; ` +
      `got ${length} values, the shape [${shape.join(", ")}] and the size [${size.join(", ")}].`,
  );
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
