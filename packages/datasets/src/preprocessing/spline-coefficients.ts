/** The pole of the cubic B-spline's inverse filter. */
const pole = Math.sqrt(3) - 2;
/** pole^48 is below 1e-27: later samples change nothing in double precision. */
const horizon = 48;

/**
 * Turns samples into the coefficients of the cubic B-spline through them, along one axis, in place.
 *
 * The recursive filter of Unser, Aldroubi and Eden (1993), "B-spline signal processing", with the signal mirrored about
 * its first and last sample.
 *
 * @param data [outer, length, inner]; the axis is the middle one
 */
export function splineCoefficients(data: Float64Array, outer: number, length: number, inner: number): void {
  if (length === 1) return;
  const gain = (1 - pole) * (1 - 1 / pole);
  const block = length * inner;
  for (let part = 0; part < outer; part++) {
    const start = part * block;
    const end = start + block - inner;
    startForward(data, start, length, inner);
    for (let i = start; i < start + inner; i++) data[i] = data[i]! * gain;
    for (let i = start + inner; i < start + block; i++) data[i] = data[i]! * gain + pole * data[i - inner]!;
    const factor = pole / (pole * pole - 1);
    for (let i = end; i < start + block; i++) data[i] = (data[i]! + pole * data[i - inner]!) * factor;
    for (let i = end - 1; i >= start; i--) data[i] = pole * (data[i + inner]! - data[i]!);
  }
}

/** Replaces the first samples by the sum over the mirrored signal, with which the forward recursion starts. */
function startForward(data: Float64Array, start: number, length: number, inner: number): void {
  const last = start + (length - 1) * inner;
  const tail = length > horizon ? 0 : pole ** (length - 1);
  for (let i = 0; i < inner; i++) data[start + i] = data[start + i]! + tail * data[last + i]!;
  let power = pole;
  for (let k = 1; k < Math.min(length - 1, horizon); k++) {
    const near = start + k * inner;
    const far = last - k * inner;
    for (let i = 0; i < inner; i++) data[start + i] = data[start + i]! + power * (data[near + i]! + tail * data[far + i]!);
    power *= pole;
  }
  for (let i = 0; i < inner; i++) data[start + i] = data[start + i]! / (1 - tail * tail);
}
