/** Small pieces that several kernels share. Float maps are `[row][column][channel]`, channels in multiples of 4. */

/** The 17×17 look-up tables of 16 bytes each, one per pair of nibbles; 16 stands for padding. */
export const TABLES: u32 = 1024;

/** A row of padding nibbles, as many as a pixel can have. */
export const PADDING: u32 = 8192;

/** `table[index]` for 16 bytes; all indices are below 16, so that relaxed and plain swizzle agree. */
// @ts-ignore: decorator
@inline
export function lookUp(table: v128, index: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, index);
  return i8x16.swizzle(table, index);
}

/** `value > 0 ? value : slope · value`: of the two parts, one is 0. */
// @ts-ignore: decorator
@inline
export function prelu(value: v128, slope: v128): v128 {
  const zero = f32x4.splat(0);
  return f32x4.add(f32x4.pmax(value, zero), f32x4.mul(f32x4.pmin(value, zero), slope));
}

/** One bit per lane where `value > threshold`; bit k is lane k. */
// @ts-ignore: decorator
@inline
export function nibbleAbove(value: v128, threshold: v128): i32 {
  return i32x4.bitmask(f32x4.gt(value, threshold));
}

/**
 * `2^exponent` for exponents in [−126, 126], with a relative error below 3e-7: the whole part goes into the result's exponent,
 * the rest into Taylor's polynomial of degree 6.
 */
// @ts-ignore: decorator
@inline
function powerOfTwo(exponent: v128): v128 {
  // Adding 1.5 · 2²³ rounds to a whole number, which stands in the lowest bits.
  const rounding = f32x4.splat(12582912);
  const shifted = f32x4.add(exponent, rounding);
  const rest = f32x4.sub(exponent, f32x4.sub(shifted, rounding));
  let p = f32x4.splat(1.5403530393381609e-4);
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1.3333558146428443e-3));
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(9.618129107628477e-3));
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(5.550410866482158e-2));
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(0.24022650695910072));
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(0.6931471805599453));
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1));
  return f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(127 << 23)));
}

/** `1 + exp(−value)`, the exponential at most 2^126; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function onePlusExponential(value: v128): v128 {
  const exponent = f32x4.mul(value, f32x4.splat(-1.4426950408889634));
  const clamped = f32x4.pmin(f32x4.pmax(exponent, f32x4.splat(-126)), f32x4.splat(126));
  return f32x4.add(f32x4.splat(1), powerOfTwo(clamped));
}

/** `value / (1 + exp(−value))` */
// @ts-ignore: decorator
@inline
export function silu(value: v128): v128 {
  return f32x4.div(value, onePlusExponential(value));
}

/** `1 / (1 + exp(−value))` */
// @ts-ignore: decorator
@inline
export function sigmoid(value: v128): v128 {
  return f32x4.div(f32x4.splat(1), onePlusExponential(value));
}
