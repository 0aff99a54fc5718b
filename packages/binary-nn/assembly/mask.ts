/** The latent mask and the stem's part that depends on it. */
import { nibbleAbove } from "./vector";

/** One row of a mask as nibbles: bit k of nibble n is 1 where class 4n + k is above ½. Missing classes are 0. */
export function packMask(row: i32, scratch: usize, width: i32, classes: i32, input: usize, output: usize): void {
  const nibbles = (classes + 3) >> 2;
  for (let pixel: i32 = row * width; pixel < (row + 1) * width; pixel++) {
    for (let n: i32 = 0; n < nibbles; n++) {
      let bits: i32 = 0;
      for (let k: i32 = 0; k < min(4, classes - 4 * n); k++) {
        bits |= i32(load<f32>(input + (<usize>(pixel * classes + 4 * n + k) << 2)) > 0.5) << k;
      }
      store<u8>(output + <usize>(pixel * nibbles + n), <u8>bits);
    }
  }
}

/**
 * One row of the stem: `base`, which the image and the prior determine, plus the 3×3 convolution of the mask, whose
 * products are sums of weights that a nibble selects.
 *
 * @param tables `[dx][dy][nibble][16][channel]`
 */
export function stem(
  row: i32, scratch: usize, height: i32, width: i32, channels: i32,
  mask: usize, nibbles: i32, tables: usize, base: usize, output: usize, thresholdA: usize, bitsA: usize,
): void {
  const bytes = <usize>channels << 2;
  for (let x: i32 = 0; x < width; x++) {
    // The rows of the tables that this pixel's neighbourhood selects; row 0, which is 0, is left out.
    let selectedEnd = scratch;
    let table = tables;
    for (let dx: i32 = -1; dx <= 1; dx++) {
      for (let dy: i32 = -1; dy <= 1; dy++) {
        const inside = x + dx >= 0 && x + dx < width && row + dy >= 0 && row + dy < height;
        const at = mask + <usize>(((row + dy) * width + x + dx) * nibbles);
        for (let n: i32 = 0; n < nibbles; n++) {
          const bits = inside ? <usize>load<u8>(at + n) : 0;
          if (bits !== 0) {
            store<u32>(selectedEnd, <u32>(table + bits * bytes));
            selectedEnd += 4;
          }
          table += bytes << 4;
        }
      }
    }
    const pixel = <usize>(row * width + x) * <usize>channels;
    const from = base + (pixel << 2);
    let c: usize = 0;
    for (; c + 64 <= bytes; c += 64) {
      let sum0 = v128.load(from + c);
      let sum1 = v128.load(from + c, 16);
      let sum2 = v128.load(from + c, 32);
      let sum3 = v128.load(from + c, 48);
      for (let at = scratch; at < selectedEnd; at += 4) {
        const weights = <usize>load<u32>(at) + c;
        sum0 = f32x4.add(sum0, v128.load(weights));
        sum1 = f32x4.add(sum1, v128.load(weights, 16));
        sum2 = f32x4.add(sum2, v128.load(weights, 32));
        sum3 = f32x4.add(sum3, v128.load(weights, 48));
      }
      storeSigned(sum0, output, bitsA, pixel, c, thresholdA);
      storeSigned(sum1, output, bitsA, pixel, c + 16, thresholdA);
      storeSigned(sum2, output, bitsA, pixel, c + 32, thresholdA);
      storeSigned(sum3, output, bitsA, pixel, c + 48, thresholdA);
    }
    for (; c < bytes; c += 16) {
      let sum = v128.load(from + c);
      for (let at = scratch; at < selectedEnd; at += 4) sum = f32x4.add(sum, v128.load(<usize>load<u32>(at) + c));
      storeSigned(sum, output, bitsA, pixel, c, thresholdA);
    }
  }
}

/** Stores four channels of a pixel, `c` bytes behind its first, as floats and as signs. */
// @ts-ignore: decorator
@inline
function storeSigned(value: v128, output: usize, bits: usize, pixel: usize, c: usize, threshold: usize): void {
  v128.store(output + (pixel << 2) + c, value);
  store<u8>(bits + (pixel >> 2) + (c >> 4), <u8>nibbleAbove(value, v128.load(threshold + c)));
}
