/** The largest finite number of IEEE 754 half precision: 1 bit of sign, 5 of exponent, 10 of fraction. */
export const largestHalf = 65504;

/** Numbers of half precision, as the bits of integers, in single precision: exact. */
export function decodeHalves(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < values.length; i++) {
    const half = halves[i]!;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const magnitude =
      exponent === 31 ? (fraction === 0 ? Infinity : NaN) : exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    values[i] = half >> 15 === 1 ? -magnitude : magnitude;
  }
  return values;
}

/**
 * The nearest numbers of half precision, ties to even, as the bits of integers. What is beyond {@link largestHalf} by half a
 * step or more becomes infinite, as IEEE 754 has it; see {@link overflowsHalf}.
 */
export function encodeHalves(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = encodeHalf(values[i]!);
  return halves;
}

/** Whether a finite number is too large for half precision. */
export function overflowsHalf(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) >= largestHalf + 16;
}

function encodeHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude === Infinity || overflowsHalf(magnitude)) return sign | 0x7c00;
  // Below 2⁻¹⁴ all steps are 2⁻²⁴; above, 2⁻¹⁰ of the power of two below the number. A fraction that is rounded up to the
  // next power of two carries into the exponent's bits, as it should.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundToEven(magnitude * 2 ** (10 - exponent));
  return sign | (steps + ((exponent + 14) << 10));
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
