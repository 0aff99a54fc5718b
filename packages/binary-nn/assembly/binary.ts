/**
 * The binary convolution by look-up. A pixel's signs are nibbles, four channels each. Two neighbouring pixels' nibbles
 * select a table of 16 bytes whose entry w is `popcount(a0 ⊕ w) | popcount(a1 ⊕ w) << 4`; the index vector holds a nibble
 * of weights for each of 16 output channels. So one shuffle does 128 multiply-adds. Padding has tables of zeros (or of
 * one pixel alone), which makes it exact.
 */
import { lookUp, nibbleAbove, PADDING, prelu, TABLES } from "./vector";

/** Nibbles between two separations of the packed sums: 60 · 4 < 256. */
const BLOCK: i32 = 60;

/**
 * Writes the table addresses of `count` nibble pairs as u16, eight at a time: what is written too much, the next addresses
 * overwrite.
 */
// @ts-ignore: decorator
@inline
function writeAddresses(to: usize, first: usize, second: usize, count: i32): usize {
  const base = i16x8.splat(<i16>TABLES);
  for (let i: i32 = 0; i < count; i += 8) {
    const a = v128.load_ext<u8>(first + i);
    const b = v128.load_ext<u8>(second + i);
    const sum = i16x8.add(i16x8.add(i16x8.shl(a, 8), i16x8.shl(a, 4)), i16x8.add(i16x8.shl(b, 4), base));
    v128.store(to + (<usize>i << 1), sum);
  }
  return to + (<usize>count << 1);
}

/** Adds the packed sums of one block, separated, to the counts of 16 channels of both pixels. */
// @ts-ignore: decorator
@inline
function addCounts(counts: usize, stride: usize, a: v128, b: v128, first: bool): void {
  const mask = i16x8.splat(0xff);
  const odd1 = i16x8.shr_u(b, 8);
  const odd0 = v128.and(i16x8.sub(i16x8.shr_u(a, 8), i16x8.shl(odd1, 4)), mask);
  const even1 = v128.and(i16x8.sub(b, i16x8.shl(odd0, 4)), mask);
  const even0 = v128.and(i16x8.sub(a, i16x8.shl(even1, 4)), mask);
  if (first) {
    v128.store(counts, even0);
    v128.store(counts, odd0, 16);
    v128.store(counts + stride, even1);
    v128.store(counts + stride, odd1, 16);
  } else {
    v128.store(counts, i16x8.add(v128.load(counts), even0));
    v128.store(counts, i16x8.add(v128.load(counts, 16), odd0), 16);
    v128.store(counts + stride, i16x8.add(v128.load(counts + stride), even1));
    v128.store(counts + stride, i16x8.add(v128.load(counts + stride, 16), odd1), 16);
  }
}

/** The sum of three look-ups: at most 12 in each half of a byte. */
// @ts-ignore: decorator
@inline
function threeLookUps(table0: v128, table1: v128, table2: v128, weights0: v128, weights1: v128, weights2: v128): v128 {
  return i8x16.add(i8x16.add(lookUp(table0, weights0), lookUp(table1, weights1)), lookUp(table2, weights2));
}

/**
 * Counts of differing signs of two pixels with 32 output channels. `nibbles` is a multiple of 3.
 *
 * V8 loads all operands of a loop's body first: wider bodies, which would need fewer instructions, run out of registers.
 */
function countPair32(addresses: usize, nibbles: i32, weights: usize, counts: usize, stride: usize): void {
  let first = true;
  while (nibbles > 0) {
    const block = min(nibbles, BLOCK);
    const end = addresses + (<usize>block << 1);
    let a0 = i8x16.splat(0), a1 = i8x16.splat(0);
    let b0 = i8x16.splat(0), b1 = i8x16.splat(0);
    while (addresses < end) {
      const table0 = v128.load(<usize>load<u16>(addresses));
      const table1 = v128.load(<usize>load<u16>(addresses, 2));
      const table2 = v128.load(<usize>load<u16>(addresses, 4));
      let sum = threeLookUps(table0, table1, table2, v128.load(weights), v128.load(weights, 32), v128.load(weights, 64));
      a0 = i8x16.add(a0, sum);
      b0 = i8x16.add(b0, i16x8.shr_u(sum, 4));
      sum = threeLookUps(table0, table1, table2, v128.load(weights, 16), v128.load(weights, 48), v128.load(weights, 80));
      a1 = i8x16.add(a1, sum);
      b1 = i8x16.add(b1, i16x8.shr_u(sum, 4));
      addresses += 6;
      weights += 96;
    }
    addCounts(counts, stride, a0, b0, first);
    addCounts(counts + 32, stride, a1, b1, first);
    nibbles -= block;
    first = false;
  }
}

/** As {@link countPair32} with 16 output channels. */
function countPair16(addresses: usize, nibbles: i32, weights: usize, counts: usize, stride: usize): void {
  let first = true;
  while (nibbles > 0) {
    const block = min(nibbles, BLOCK);
    const end = addresses + (<usize>block << 1);
    let a = i8x16.splat(0);
    let b = i8x16.splat(0);
    while (addresses < end) {
      const sum = threeLookUps(
        v128.load(<usize>load<u16>(addresses)), v128.load(<usize>load<u16>(addresses, 2)), v128.load(<usize>load<u16>(addresses, 4)),
        v128.load(weights), v128.load(weights, 16), v128.load(weights, 32),
      );
      a = i8x16.add(a, sum);
      b = i8x16.add(b, i16x8.shr_u(sum, 4));
      addresses += 6;
      weights += 48;
    }
    addCounts(counts, stride, a, b, first);
    nibbles -= block;
    first = false;
  }
}

/** Kinds of shortcut. */
const NONE: i32 = 0;
const SAME: i32 = 1;
const PAIR_MEAN: i32 = 2;
const POOL: i32 = 3;
const TILE: i32 = 4;
const QUAD_MEAN: i32 = 5;

/** Means of neighbouring channel pairs. */
// @ts-ignore: decorator
@inline
function pairMeans(to: usize, from: usize, outChannels: i32): void {
  const half = f32x4.splat(0.5);
  for (let k: i32 = 0; k < outChannels; k += 4) {
    const low = v128.load(from + (<usize>k << 3));
    const high = v128.load(from + (<usize>k << 3), 16);
    const even = v128.shuffle<f32>(low, high, 0, 2, 4, 6);
    const odd = v128.shuffle<f32>(low, high, 1, 3, 5, 7);
    v128.store(to + (<usize>k << 2), f32x4.mul(f32x4.add(even, odd), half));
  }
}

/**
 * One row of `PReLU(scale · dot + bias + shortcut) + after`, stored as floats and as signs, where `dot` is the binary
 * convolution (3×3 or 1×1) of one or two nibble maps (their channels joined). All tables are per output channel; the
 * normalization and what depends on the time step are folded into them.
 *
 * @param upsampled 1 if the input is to be doubled by nearest neighbours first
 * @param weights groups of 32 output channels (a last one of 16 if that is enough), each `[dx][dy][nibble][channel]`, a nibble a byte
 * @param shortcut 0 none, 1 the same pixel, 2 means of channel pairs, 3 means of 2×2 pixels, 4 copies, 5 means of four channels
 */
export function binaryConvolution(
  row: i32, scratch: usize,
  height: i32, width: i32, outChannels: i32,
  kernelSize: i32, stride: i32, upsampled: i32, inHeight: i32, inWidth: i32,
  bits1: usize, nibbles1: i32, bits2: usize, nibbles2: i32,
  weights: usize, scale: usize, bias: usize, slope: usize, after: usize,
  shortcut: i32, shortcut1: usize, shortcutChannels1: i32, shortcut2: usize, shortcutChannels2: i32,
  output: usize, thresholdA: usize, bitsA: usize, thresholdB: usize, bitsB: usize,
): void {
  const nibbles = nibbles1 + nibbles2;
  const evenWidth = (width + 1) & ~1;
  const domainHeight = inHeight << upsampled;
  const domainWidth = inWidth << upsampled;
  let run = kernelSize * kernelSize * nibbles;
  const padding = (3 - (run % 3)) % 3;
  run += padding;

  // 1. Table addresses of the row, in the order in which they are read.
  let to = scratch;
  const radius = kernelSize >> 1;
  const top = row * stride - radius;
  // With stride 1 and three taps, neighbouring pairs share columns: one column of addresses per pixel, and one more.
  const shared = kernelSize === 3 && stride === 1;
  const columns = shared ? evenWidth + 1 : (evenWidth >> 1) * kernelSize;
  let x = -radius;
  let tap = 0;
  for (let column: i32 = 0; column < columns; column++) {
    const x1 = x + stride; // the pair's other pixel
    const inside0 = x >= 0 && x < domainWidth;
    const inside1 = x1 >= 0 && x1 < domainWidth;
    for (let dy: i32 = 0; dy < kernelSize; dy++) {
      const y = top + dy;
      const insideRow = y >= 0 && y < domainHeight;
      const at = (y >> upsampled) * inWidth;
      const from0 = insideRow && inside0;
      const from1 = insideRow && inside1;
      const pixel0 = at + (x >> upsampled);
      const pixel1 = at + (x1 >> upsampled);
      to = writeAddresses(to, from0 ? bits1 + <usize>(pixel0 * nibbles1) : PADDING, from1 ? bits1 + <usize>(pixel1 * nibbles1) : PADDING, nibbles1);
      if (nibbles2 > 0) {
        to = writeAddresses(to, from0 ? bits2 + <usize>(pixel0 * nibbles2) : PADDING, from1 ? bits2 + <usize>(pixel1 * nibbles2) : PADDING, nibbles2);
      }
    }
    if (shared) {
      x++;
    } else if (++tap < kernelSize) {
      x++;
    } else {
      tap = 0;
      x += 2 * stride - kernelSize + 1;
      // Only 1×1 kernels have runs that are no multiple of 3.
      if (padding > 0) to = writeAddresses(to, PADDING, PADDING, padding);
    }
  }

  // 2. Counts of differing signs, [pixel][channel] as u16.
  const paddedChannels = (outChannels + 15) & ~15;
  const countStride = <usize>paddedChannels << 1;
  const counts = (to + 15) & ~15;
  const pairStep = <usize>(shared ? 2 * kernelSize * nibbles : run) << 1;
  let group: i32 = 0;
  let groupWeights = weights;
  for (; group + 32 <= paddedChannels; group += 32) {
    let addresses = scratch;
    let at = counts + (<usize>group << 1);
    for (let pair: i32 = 0; pair < evenWidth; pair += 2) {
      countPair32(addresses, run, groupWeights, at, countStride);
      addresses += pairStep;
      at += countStride << 1;
    }
    groupWeights += <usize>run << 5;
  }
  if (group < paddedChannels) {
    let addresses = scratch;
    let at = counts + (<usize>group << 1);
    for (let pair: i32 = 0; pair < evenWidth; pair += 2) {
      countPair16(addresses, run, groupWeights, at, countStride);
      addresses += pairStep;
      at += countStride << 1;
    }
  }

  // 3. What follows the convolution.
  let validRows = 0;
  for (let dy: i32 = 0; dy < kernelSize; dy++) if (top + dy >= 0 && top + dy < domainHeight) validRows++;
  const mixed = counts + countStride * <usize>evenWidth;
  const unwanted = mixed + (<usize>outChannels << 2); // takes outputs that nobody asked for
  if (shortcut === NONE) memory.fill(mixed, 0, <usize>outChannels << 2);
  for (let x: i32 = 0; x < width; x++) {
    const left = x * stride - radius;
    let validColumns = 0;
    for (let dx: i32 = 0; dx < kernelSize; dx++) if (left + dx >= 0 && left + dx < domainWidth) validColumns++;
    const valid = i32x4.splat(validRows * validColumns * nibbles * 4);

    let residual: usize = mixed;
    if (shortcut === SAME) {
      residual = shortcut1 + <usize>(((row >> upsampled) * inWidth + (x >> upsampled)) * outChannels * 4);
    } else if (shortcut === PAIR_MEAN) {
      const pixel = (row >> upsampled) * inWidth + (x >> upsampled);
      pairMeans(mixed, shortcut1 + <usize>(pixel * shortcutChannels1 * 4), shortcutChannels1 >> 1);
      if (shortcutChannels2 > 0) {
        pairMeans(mixed + <usize>(shortcutChannels1 * 2), shortcut2 + <usize>(pixel * shortcutChannels2 * 4), shortcutChannels2 >> 1);
      }
    } else if (shortcut === POOL) {
      const rowBytes = <usize>(inWidth * shortcutChannels1 * 4);
      const pixelBytes = <usize>(shortcutChannels1 * 4);
      const corner = shortcut1 + <usize>(2 * row) * rowBytes + <usize>(2 * x) * pixelBytes;
      for (let c: i32 = 0, at: i32 = 0; c < outChannels; c += 4) {
        const from = corner + (<usize>at << 2);
        const upper = f32x4.add(v128.load(from), v128.load(from + pixelBytes));
        const lower = f32x4.add(v128.load(from + rowBytes), v128.load(from + rowBytes + pixelBytes));
        v128.store(mixed + (<usize>c << 2), f32x4.mul(f32x4.add(upper, lower), f32x4.splat(0.25)));
        at += 4;
        if (at === shortcutChannels1) at = 0;
      }
    } else if (shortcut === TILE) {
      const from = shortcut1 + <usize>((row * width + x) * shortcutChannels1 * 4);
      for (let c: i32 = 0, at: i32 = 0; c < outChannels; c += 4) {
        v128.store(mixed + (<usize>c << 2), v128.load(from + (<usize>at << 2)));
        at += 4;
        if (at === shortcutChannels1) at = 0;
      }
    } else if (shortcut === QUAD_MEAN) {
      const from = shortcut1 + <usize>((row * width + x) * shortcutChannels1 * 4);
      for (let c: i32 = 0; c < outChannels; c++) {
        const four = from + (<usize>c << 4);
        store<f32>(mixed + (<usize>c << 2), (load<f32>(four) + load<f32>(four, 4) + (load<f32>(four, 8) + load<f32>(four, 12))) * 0.25);
      }
    }

    const pixel = <usize>(row * width + x);
    const pixelCounts = counts + <usize>x * countStride;
    const bits = pixel * (<usize>outChannels >> 2);
    const pixelOutput = output === 0 ? unwanted : output + pixel * <usize>outChannels * 4;
    const pixelBitsA = bitsA === 0 ? unwanted : bitsA + bits;
    // No branches within the loops: V8 would compute the values anew in each.
    if (bitsB === 0) {
      for (let c: i32 = 0; c < outChannels; c += 4) {
        const value = activated(pixelCounts, valid, c, scale, bias, residual, slope, after);
        v128.store(pixelOutput + (<usize>c << 2), value);
        store<u8>(pixelBitsA + (<usize>c >> 2), <u8>nibbleAbove(value, v128.load(thresholdA + (<usize>c << 2))));
      }
    } else {
      const pixelBitsB = bitsB + bits;
      for (let c: i32 = 0; c < outChannels; c += 4) {
        const value = activated(pixelCounts, valid, c, scale, bias, residual, slope, after);
        v128.store(pixelOutput + (<usize>c << 2), value);
        store<u8>(pixelBitsA + (<usize>c >> 2), <u8>nibbleAbove(value, v128.load(thresholdA + (<usize>c << 2))));
        store<u8>(pixelBitsB + (<usize>c >> 2), <u8>nibbleAbove(value, v128.load(thresholdB + (<usize>c << 2))));
      }
    }
  }
}

/** What follows the convolution, for channels c … c + 3 of a pixel. */
// @ts-ignore: decorator
@inline
function activated(counts: usize, valid: v128, c: i32, scale: usize, bias: usize, residual: usize, slope: usize, after: usize): v128 {
  const offset = <usize>c << 2;
  const count = v128.load_ext<u16>(counts + (<usize>c << 1));
  const dot = f32x4.convert_i32x4_s(i32x4.sub(valid, i32x4.shl(count, 1)));
  const normalized = f32x4.add(f32x4.mul(dot, v128.load(scale + offset)), v128.load(bias + offset));
  const mixed = f32x4.add(normalized, v128.load(residual + offset));
  return f32x4.add(prelu(mixed, v128.load(slope + offset)), v128.load(after + offset));
}
