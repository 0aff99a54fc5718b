import type { Interpolation } from "./schema.ts";

/** The input samples that each output sample of an axis is a weighted sum of. */
interface Taps {
  /** How many input samples an output sample takes. */
  readonly count: number;
  /** [output, count] */
  readonly indices: Int32Array;
  /** [output, count] */
  readonly weights: Float64Array;
}

/**
 * Where output sample `index` lies among the input samples: the first and last samples of both fall together, and an
 * output of one sample is the first one. The product is SciPy's, to the bit; where it exceeds the last sample by rounding
 * (8 → 26 samples, for example), SciPy sees a point outside of the image and fills in 0, and this takes the last sample.
 */
function position(index: number, input: number, output: number): number {
  return Math.min(index * (output === 1 ? 1 : (input - 1) / (output - 1)), input - 1);
}

/** The input sample nearest to each of `output` samples; the later one where two are equally near. */
export function nearestIndices(input: number, output: number): Int32Array {
  return Int32Array.from({ length: output }, (_, index) => Math.floor(position(index, input, output) + 0.5));
}

/**
 * The taps that take an axis of `input` samples to one of `output` samples. Cubic taps expect B-spline coefficients
 * (`splineCoefficients`) and mirror the axis about its first and last sample.
 */
export function axisTaps(input: number, output: number, interpolation: Interpolation): Taps {
  if (interpolation === "nearest") {
    return { count: 1, indices: nearestIndices(input, output), weights: new Float64Array(output).fill(1) };
  }
  const count = interpolation === "linear" ? 2 : 4;
  const indices = new Int32Array(output * count);
  const weights = new Float64Array(output * count);
  for (let index = 0; index < output; index++) {
    const at = position(index, input, output);
    const base = Math.floor(at);
    const first = base - (count >> 1) + 1;
    for (let tap = 0; tap < count; tap++) indices[index * count + tap] = mirrored(first + tap, input);
    weights.set(count === 2 ? [1 - (at - base), at - base] : cubicWeights(at - base), index * count);
  }
  return { count, indices, weights };
}

/** The values of the cubic B-spline at 1 + f, f, 1 − f and 2 − f, for f in [0, 1). */
function cubicWeights(f: number): [number, number, number, number] {
  const g = 1 - f;
  const outer = (g * g * g) / 6;
  const left = (f * f * (f - 2) * 3 + 4) / 6;
  const right = (g * g * (g - 2) * 3 + 4) / 6;
  return [outer, left, right, 1 - outer - left - right];
}

function mirrored(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const inside = ((index % period) + period) % period;
  return inside < length ? inside : period - inside;
}
