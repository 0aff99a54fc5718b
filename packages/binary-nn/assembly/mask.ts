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
    let count: usize = 0;
    let table = tables;
    for (let dx: i32 = -1; dx <= 1; dx++) {
      for (let dy: i32 = -1; dy <= 1; dy++) {
        const inside = x + dx >= 0 && x + dx < width && row + dy >= 0 && row + dy < height;
        const at = mask + <usize>(((row + dy) * width + x + dx) * nibbles);
        for (let n: i32 = 0; n < nibbles; n++) {
          const bits = inside ? <usize>load<u8>(at + n) : 0;
          if (bits !== 0) {
            store<u32>(scratch + (count << 2), <u32>(table + bits * bytes));
            count++;
          }
          table += bytes << 4;
        }
      }
    }
    const pixel = <usize>(row * width + x) * <usize>channels;
    for (let c: usize = 0; c < bytes; c += 16) {
      let sum = v128.load(base + (pixel << 2) + c);
      for (let i: usize = 0; i < count; i++) sum = f32x4.add(sum, v128.load(<usize>load<u32>(scratch + (i << 2)) + c));
      v128.store(output + (pixel << 2) + c, sum);
      store<u8>(bitsA + (pixel >> 2) + (c >> 4), <u8>nibbleAbove(sum, v128.load(thresholdA + c)));
    }
  }
}
