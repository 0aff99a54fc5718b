/** Kernels of the cross-transformer; all maps are `[token][channel]`. */
import { nibbleAbove, prelu } from "./vector";

/** Sign vectors of four lanes by nibble, 16 · 16 bytes. */
const SIGNS: u32 = 6144;

/**
 * Tokens `chunk · tokensPerChunk …` of `input · scale + bias (+ residual)`, stored as floats (if `output` is not 0) and as
 * signs by up to three thresholds (those whose `bits` are not 0).
 */
export function affine(
  chunk: i32, scratch: usize,
  tokens: i32, channels: i32, tokensPerChunk: i32,
  input: usize, scale: usize, bias: usize, residual: usize, output: usize,
  thresholdA: usize, bitsA: usize, thresholdB: usize, bitsB: usize, thresholdC: usize, bitsC: usize,
): void {
  const last = min(tokens, (chunk + 1) * tokensPerChunk);
  for (let token: i32 = chunk * tokensPerChunk; token < last; token++) {
    const floats = <usize>(token * channels) << 2;
    const bits = <usize>(token * channels) >> 2;
    for (let c: i32 = 0; c < channels; c += 4) {
      const offset = <usize>c << 2;
      const nibble = bits + (<usize>c >> 2);
      let value = f32x4.add(f32x4.mul(v128.load(input + floats + offset), v128.load(scale + offset)), v128.load(bias + offset));
      if (residual !== 0) value = f32x4.add(value, v128.load(residual + floats + offset));
      if (output !== 0) v128.store(output + floats + offset, value);
      if (bitsA !== 0) store<u8>(bitsA + nibble, <u8>nibbleAbove(value, v128.load(thresholdA + offset)));
      if (bitsB !== 0) store<u8>(bitsB + nibble, <u8>nibbleAbove(value, v128.load(thresholdB + offset)));
      if (bitsC !== 0) store<u8>(bitsC + nibble, <u8>nibbleAbove(value, v128.load(thresholdC + offset)));
    }
  }
}

/** Number of differing signs. */
// @ts-ignore: decorator
@inline
function differences(a: usize, b: usize, nibbles: i32): i32 {
  let sum = i32x4.splat(0);
  let i: i32 = 0;
  for (; i + 16 <= nibbles; i += 16) {
    const counts = i8x16.popcnt(v128.xor(v128.load(a + i), v128.load(b + i)));
    sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(counts)));
  }
  let total = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
  for (; i < nibbles; i++) total += <i32>popcnt<u32>(<u32>load<u8>(a + i) ^ <u32>load<u8>(b + i));
  return total;
}

/**
 * One query token's binary attention and what follows it: `PReLU(scale · context + bias + q + k + v) + after`. A key is
 * attended to where `20 · dot > 7 · max` over the keys of its head; the context is the sum of the attended values' signs.
 */
export function attention(
  token: i32, scratch: usize,
  tokens: i32, channels: i32, heads: i32,
  queryBits: usize, keyBits: usize, valueBits: usize,
  query: usize, key: usize, value: usize,
  scale: usize, bias: usize, slope: usize, after: usize,
  output: usize, thresholdA: usize, bitsA: usize,
): void {
  const perHead = channels / heads;
  const nibbles = perHead >> 2;
  const tokenNibbles = channels >> 2;
  const context = scratch; // i32 per channel
  const dots = scratch + (<usize>channels << 2); // i32 per key
  for (let head: i32 = 0; head < heads; head++) {
    const headNibbles = head * nibbles;
    const own = queryBits + <usize>(token * tokenNibbles + headNibbles);
    let largest = i32.MIN_VALUE;
    for (let other: i32 = 0; other < tokens; other++) {
      const dot = perHead - 2 * differences(own, keyBits + <usize>(other * tokenNibbles + headNibbles), nibbles);
      largest = max(largest, dot);
      store<i32>(dots + (<usize>other << 2), dot);
    }
    const sums = context + (<usize>(head * perHead) << 2);
    for (let n: i32 = 0; n < nibbles; n++) v128.store(sums + (<usize>n << 4), i32x4.splat(0));
    for (let other: i32 = 0; other < tokens; other++) {
      if (20 * load<i32>(dots + (<usize>other << 2)) <= 7 * largest) continue;
      const values = valueBits + <usize>(other * tokenNibbles + headNibbles);
      for (let n: i32 = 0; n < nibbles; n++) {
        const signs = v128.load(<usize>(SIGNS + (<u32>load<u8>(values + n) << 4)));
        v128.store(sums + (<usize>n << 4), i32x4.add(v128.load(sums + (<usize>n << 4)), signs));
      }
    }
  }
  const floats = <usize>(token * channels) << 2;
  for (let c: i32 = 0; c < channels; c += 4) {
    const offset = <usize>c << 2;
    const sums = f32x4.convert_i32x4_s(v128.load(context + offset));
    let mixed = f32x4.add(f32x4.mul(sums, v128.load(scale + offset)), v128.load(bias + offset));
    mixed = f32x4.add(mixed, v128.load(query + floats + offset));
    mixed = f32x4.add(mixed, v128.load(key + floats + offset));
    mixed = f32x4.add(mixed, v128.load(value + floats + offset));
    mixed = f32x4.add(prelu(mixed, v128.load(slope + offset)), v128.load(after + offset));
    v128.store(output + floats + offset, mixed);
    store<u8>(bitsA + <usize>(token * tokenNibbles) + (<usize>c >> 2), <u8>nibbleAbove(mixed, v128.load(thresholdA + offset)));
  }
}

/** Sum of `normalized` over the window of `length` tokens around (y, x), along y if `vertical`; outside is 0. */
// @ts-ignore: decorator
@inline
function windowSum(normalized: usize, height: i32, width: i32, channels: i32, y: i32, x: i32, offset: usize, length: i32, vertical: bool): v128 {
  const radius = length >> 1;
  const at = vertical ? y : x;
  const size = vertical ? height : width;
  const step = vertical ? width : 1;
  let sum = f32x4.splat(0);
  for (let d = -radius; d <= radius; d++) {
    if (at + d < 0 || at + d >= size) continue;
    const token = y * width + x + d * step;
    sum = f32x4.add(sum, v128.load(normalized + (<usize>(token * channels) << 2) + offset));
  }
  return f32x4.mul(sum, f32x4.splat(<f32>1 / <f32>length));
}

/**
 * One token row of the feed-forward's sum: `base + contracted · scale + bias + Σ (mean over a window) · scale + bias`, the
 * windows 3×1, 5×1, 1×3 and 1×5, whose scales and biases follow the first in `scale` and `bias`.
 */
export function feedForwardSum(
  row: i32, scratch: usize,
  height: i32, width: i32, channels: i32,
  base: usize, contracted: usize, normalized: usize, scale: usize, bias: usize, output: usize,
): void {
  const table = <usize>channels << 2;
  for (let x: i32 = 0; x < width; x++) {
    const floats = <usize>((row * width + x) * channels) << 2;
    for (let c: i32 = 0; c < channels; c += 4) {
      const offset = <usize>c << 2;
      let a = scale + offset;
      let b = bias + offset;
      let sum = v128.load(base + floats + offset);
      sum = f32x4.add(sum, f32x4.add(f32x4.mul(v128.load(contracted + floats + offset), v128.load(a)), v128.load(b)));
      for (let window: i32 = 0; window < 4; window++) {
        a += table;
        b += table;
        const mean = windowSum(normalized, height, width, channels, row, x, offset, (window & 1) === 0 ? 3 : 5, window < 2);
        sum = f32x4.add(sum, f32x4.add(f32x4.mul(mean, v128.load(a)), v128.load(b)));
      }
      v128.store(output + floats + offset, sum);
    }
  }
}

/** Reads `[tokens][channels]` as `[channels][tokens]` and transposes it: the token order of the published code. */
export function reinterpret(token: i32, scratch: usize, tokens: i32, channels: i32, input: usize, output: usize): void {
  for (let c: i32 = 0; c < channels; c++) {
    store<f32>(output + (<usize>(token * channels + c) << 2), load<f32>(input + (<usize>(c * tokens + token) << 2)));
  }
}
