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

/** `value > 0 ? value : slope · value` */
// @ts-ignore: decorator
@inline
export function prelu(value: v128, slope: v128): v128 {
  return v128.bitselect(value, f32x4.mul(value, slope), f32x4.gt(value, f32x4.splat(0)));
}

/** One bit per lane where `value > threshold`; bit k is lane k. */
// @ts-ignore: decorator
@inline
export function nibbleAbove(value: v128, threshold: v128): i32 {
  return i32x4.bitmask(f32x4.gt(value, threshold));
}

/** The exponential function, with a relative error below 2e-7: 2ⁿ times a polynomial of the rest (Cephes' expf). */
// @ts-ignore: decorator
@inline
export function exponential(value: v128): v128 {
  const clamped = f32x4.pmin(f32x4.splat(88), f32x4.pmax(f32x4.splat(-87), value));
  // Adding 1.5 · 2²³ rounds to a whole number, which stands in the lowest bits.
  const rounding = f32x4.splat(12582912);
  const shifted = f32x4.add(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)), rounding);
  const n = f32x4.sub(shifted, rounding);
  const r = f32x4.sub(f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1));
  const power = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(127 << 23));
  return f32x4.mul(p, power);
}

/** `value / (1 + exp(−value))` */
// @ts-ignore: decorator
@inline
export function silu(value: v128): v128 {
  return f32x4.div(value, f32x4.add(f32x4.splat(1), exponential(f32x4.neg(value))));
}

/** `1 / (1 + exp(−value))` */
// @ts-ignore: decorator
@inline
export function sigmoid(value: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exponential(f32x4.neg(value))));
}
