/** The float convolutions: products of matrices, Winograd's transformations around them, and group normalization. */
import { nibbleAbove, sigmoid, silu } from "./vector";

/** 6 rows × 8 columns of a product, written to `output`; `columns` is 4 or 8 of them. */
function product6x8(
  row0: usize, row1: usize, row2: usize, row3: usize, row4: usize, row5: usize,
  depth: i32, weights: usize, bias: usize,
  out0: usize, out1: usize, out2: usize, out3: usize, out4: usize, out5: usize, columns: i32,
): void {
  const low = bias === 0 ? f32x4.splat(0) : v128.load(bias);
  const high = bias === 0 ? f32x4.splat(0) : v128.load(bias, 16);
  let a0 = low, a1 = low, a2 = low, a3 = low, a4 = low, a5 = low;
  let b0 = high, b1 = high, b2 = high, b3 = high, b4 = high, b5 = high;
  const bytes = <usize>depth << 2;
  for (let k: usize = 0; k < bytes; k += 4) {
    const w0 = v128.load(weights);
    const w1 = v128.load(weights, 16);
    weights += 32;
    let x = v128.load_splat<f32>(row0 + k);
    a0 = f32x4.add(a0, f32x4.mul(x, w0));
    b0 = f32x4.add(b0, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row1 + k);
    a1 = f32x4.add(a1, f32x4.mul(x, w0));
    b1 = f32x4.add(b1, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row2 + k);
    a2 = f32x4.add(a2, f32x4.mul(x, w0));
    b2 = f32x4.add(b2, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row3 + k);
    a3 = f32x4.add(a3, f32x4.mul(x, w0));
    b3 = f32x4.add(b3, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row4 + k);
    a4 = f32x4.add(a4, f32x4.mul(x, w0));
    b4 = f32x4.add(b4, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row5 + k);
    a5 = f32x4.add(a5, f32x4.mul(x, w0));
    b5 = f32x4.add(b5, f32x4.mul(x, w1));
  }
  v128.store(out0, a0);
  v128.store(out1, a1);
  v128.store(out2, a2);
  v128.store(out3, a3);
  v128.store(out4, a4);
  v128.store(out5, a5);
  if (columns < 8) return;
  v128.store(out0, b0, 16);
  v128.store(out1, b1, 16);
  v128.store(out2, b2, 16);
  v128.store(out3, b3, 16);
  v128.store(out4, b4, 16);
  v128.store(out5, b5, 16);
}

/** `rows` rows of a product. Missing rows of the last six repeat the last one. */
// @ts-ignore: decorator
@inline
function productRows(
  input: usize, rowBytes: usize, rows: i32, depth: i32, weights: usize, bias: usize, output: usize, outBytes: usize, columns: i32,
): void {
  for (let group: i32 = 0; group < columns; group += 8) {
    const to = output + (<usize>group << 2);
    const groupBias = bias === 0 ? bias : bias + (<usize>group << 2);
    for (let row: i32 = 0; row < rows; row += 6) {
      const r0 = <usize>row;
      const r1 = <usize>min(row + 1, rows - 1);
      const r2 = <usize>min(row + 2, rows - 1);
      const r3 = <usize>min(row + 3, rows - 1);
      const r4 = <usize>min(row + 4, rows - 1);
      const r5 = <usize>min(row + 5, rows - 1);
      product6x8(
        input + r0 * rowBytes, input + r1 * rowBytes, input + r2 * rowBytes, input + r3 * rowBytes, input + r4 * rowBytes, input + r5 * rowBytes,
        depth, weights, groupBias,
        to + r0 * outBytes, to + r1 * outBytes, to + r2 * outBytes, to + r3 * outBytes, to + r4 * outBytes, to + r5 * outBytes, columns - group,
      );
    }
    weights += <usize>depth << 5;
  }
}

/**
 * A block of rows of one of `…` products `[rows][depth] · [depth][columns]`. Chunks count the row blocks of the first
 * product, then those of the second.
 *
 * @param weights of each product, groups of 8 columns, each `[depth][8]`, padded with zeros
 * @param bias per column, padded to a multiple of 8; or 0
 */
export function matrixProduct(
  chunk: i32, scratch: usize,
  rows: i32, depth: i32, columns: i32, rowsPerChunk: i32,
  input: usize, weights: usize, bias: usize, output: usize,
): void {
  const blocks = (rows + rowsPerChunk - 1) / rowsPerChunk;
  const product = chunk / blocks;
  const first = (chunk % blocks) * rowsPerChunk;
  const paddedColumns = (columns + 7) & ~7;
  const rowBytes = <usize>depth << 2;
  const outBytes = <usize>columns << 2;
  productRows(
    input + <usize>(product * rows + first) * rowBytes, rowBytes, min(rowsPerChunk, rows - first), depth,
    weights + (<usize>(product * depth * paddedColumns) << 2), bias,
    output + <usize>(product * rows + first) * outBytes, outBytes, columns,
  );
}

/**
 * One row of a 3×3 convolution with zero padding: the row's neighbourhoods, column by column, then one product.
 *
 * @param weights groups of 8 channels, each `[dx][dy][inChannel][8]`
 * @param activation 0 none, 1 sigmoid
 */
export function floatConvolution(
  row: i32, scratch: usize,
  height: i32, width: i32, inChannels: i32, outChannels: i32, activation: i32,
  input: usize, weights: usize, bias: usize, output: usize,
): void {
  const pixelBytes = <usize>inChannels << 2;
  let to = scratch;
  for (let x: i32 = -1; x <= width; x++) {
    for (let y = row - 1; y <= row + 1; y++) {
      if (x < 0 || x >= width || y < 0 || y >= height) memory.fill(to, 0, pixelBytes);
      else memory.copy(to, input + <usize>(y * width + x) * pixelBytes, pixelBytes);
      to += pixelBytes;
    }
  }
  const product = (to + 15) & ~15;
  const paddedChannels = (outChannels + 3) & ~3;
  productRows(scratch, 3 * pixelBytes, width, 9 * inChannels, weights, bias, product, <usize>paddedChannels << 2, paddedChannels);
  for (let x: i32 = 0; x < width; x++) {
    const from = product + (<usize>(x * paddedChannels) << 2);
    if (activation === 1) for (let c: i32 = 0; c < paddedChannels; c += 4) v128.store(from + (<usize>c << 2), sigmoid(v128.load(from + (<usize>c << 2))));
    memory.copy(output + (<usize>((row * width + x) * outChannels) << 2), from, <usize>outChannels << 2);
  }
}

/** The addresses of tile (tileRow, column)'s sixteen inputs are 4×4 around (2·tileRow, 2·column), from −1; outside is 0. */
// @ts-ignore: decorator
@inline
function inputAt(input: usize, height: i32, width: i32, channels: i32, y: i32, x: i32, c: i32): v128 {
  if (y < 0 || y >= height || x < 0 || x >= width) return f32x4.splat(0);
  return v128.load(input + (<usize>((y * width + x) * channels + c) << 2));
}

/**
 * One row of tiles of Winograd's F(2×2, 3×3) input transformation `Bᵀ d B` (Lavin & Gray 2016): `[16][tile][channel]`.
 */
export function winogradInput(
  tileRow: i32, scratch: usize, height: i32, width: i32, channels: i32, input: usize, output: usize,
): void {
  const tileColumns = (width + 1) >> 1;
  const plane = (<usize>(((height + 1) >> 1) * tileColumns * channels)) << 2;
  for (let column: i32 = 0; column < tileColumns; column++) {
    for (let c: i32 = 0; c < channels; c += 4) {
      const y = 2 * tileRow - 1;
      const x = 2 * column - 1;
      let to = output + (<usize>((tileRow * tileColumns + column) * channels + c) << 2);
      for (let i: i32 = 0; i < 4; i++) {
        // Row i of Bᵀ d takes two rows of d: 0 − 2, 1 + 2, 2 − 1, 1 − 3.
        const first = i === 0 ? 0 : i === 2 ? 2 : 1;
        const second = i === 2 ? 1 : i === 3 ? 3 : 2;
        const sign: f32 = i === 1 ? 1 : -1;
        const factor = f32x4.splat(sign);
        const t0 = f32x4.add(inputAt(input, height, width, channels, y + first, x, c), f32x4.mul(factor, inputAt(input, height, width, channels, y + second, x, c)));
        const t1 = f32x4.add(inputAt(input, height, width, channels, y + first, x + 1, c), f32x4.mul(factor, inputAt(input, height, width, channels, y + second, x + 1, c)));
        const t2 = f32x4.add(inputAt(input, height, width, channels, y + first, x + 2, c), f32x4.mul(factor, inputAt(input, height, width, channels, y + second, x + 2, c)));
        const t3 = f32x4.add(inputAt(input, height, width, channels, y + first, x + 3, c), f32x4.mul(factor, inputAt(input, height, width, channels, y + second, x + 3, c)));
        v128.store(to, f32x4.sub(t0, t2));
        v128.store(to + plane, f32x4.add(t1, t2));
        v128.store(to + 2 * plane, f32x4.sub(t2, t1));
        v128.store(to + 3 * plane, f32x4.sub(t1, t3));
        to += 4 * plane;
      }
    }
  }
}

/**
 * One row of tiles of Winograd's output transformation `Aᵀ m A`, plus bias, plus a residual map (if not 0), stored as
 * floats and, if `bitsA` is not 0, as signs.
 */
export function winogradOutput(
  tileRow: i32, scratch: usize, height: i32, width: i32, channels: i32,
  input: usize, bias: usize, residual: usize, output: usize, thresholdA: usize, bitsA: usize, thresholdB: usize, bitsB: usize,
): void {
  const tileColumns = (width + 1) >> 1;
  const plane = (<usize>(((height + 1) >> 1) * tileColumns * channels)) << 2;
  for (let column: i32 = 0; column < tileColumns; column++) {
    for (let i: i32 = 0; i < 2; i++) {
      const y = 2 * tileRow + i;
      if (y >= height) break;
      for (let j: i32 = 0; j < 2; j++) {
        const x = 2 * column + j;
        if (x >= width) break;
        for (let c: i32 = 0; c < channels; c += 4) {
          const from = input + (<usize>((tileRow * tileColumns + column) * channels + c) << 2) + <usize>(4 * i + j) * plane;
          // Row i of Aᵀ m is 0 + 1 + 2 or 1 − 2 − 3 of m's; then the same along the columns.
          let sum = v128.load(bias + (<usize>c << 2));
          for (let k: usize = 0; k < 3; k++) {
            const m0 = v128.load(from + k * plane);
            const m1 = v128.load(from + (k + 4) * plane);
            const m2 = v128.load(from + (k + 8) * plane);
            const m = i === 0 ? f32x4.add(f32x4.add(m0, m1), m2) : f32x4.sub(f32x4.sub(m0, m1), m2);
            sum = k === 0 || j === 0 ? f32x4.add(sum, m) : f32x4.sub(sum, m);
          }
          const pixel = <usize>((y * width + x) * channels + c);
          if (residual !== 0) sum = f32x4.add(sum, v128.load(residual + (pixel << 2)));
          v128.store(output + (pixel << 2), sum);
          if (bitsA !== 0) store<u8>(bitsA + (pixel >> 2), <u8>nibbleAbove(sum, v128.load(thresholdA + (<usize>c << 2))));
          if (bitsB !== 0) store<u8>(bitsB + (pixel >> 2), <u8>nibbleAbove(sum, v128.load(thresholdB + (<usize>c << 2))));
        }
      }
    }
  }
}

/**
 * One row's statistics for group normalization: per group the mean and the sum of squared distances from it, as f64.
 *
 * @param channels of the map, of which the first `groups · perGroup` are normalized
 */
export function groupStatistics(
  row: i32, scratch: usize, width: i32, channels: i32, groups: i32, perGroup: i32, input: usize, statistics: usize,
): void {
  const sums = scratch;
  const means = scratch + (<usize>channels << 2);
  const from = input + (<usize>(row * width * channels) << 2);
  const count = <f64>(width * perGroup);
  memory.fill(sums, 0, <usize>channels << 2);
  for (let i: usize = 0; i < <usize>(width * channels) << 2; ) {
    for (let c: usize = 0; c < <usize>channels << 2; c += 16, i += 16) {
      v128.store(sums + c, f32x4.add(v128.load(sums + c), v128.load(from + i)));
    }
  }
  let to = statistics + (<usize>(row * groups) << 4);
  for (let group: i32 = 0; group < groups; group++) {
    let sum: f64 = 0;
    for (let c = group * perGroup; c < (group + 1) * perGroup; c++) sum += <f64>load<f32>(sums + (<usize>c << 2));
    const mean = sum / count;
    for (let c = group * perGroup; c < (group + 1) * perGroup; c++) store<f32>(means + (<usize>c << 2), <f32>mean);
    store<f64>(to + (<usize>group << 4), mean);
  }
  for (let c = groups * perGroup; c < channels; c++) store<f32>(means + (<usize>c << 2), 0);
  memory.fill(sums, 0, <usize>channels << 2);
  for (let i: usize = 0; i < <usize>(width * channels) << 2; ) {
    for (let c: usize = 0; c < <usize>channels << 2; c += 16, i += 16) {
      const distance = f32x4.sub(v128.load(from + i), v128.load(means + c));
      v128.store(sums + c, f32x4.add(v128.load(sums + c), f32x4.mul(distance, distance)));
    }
  }
  for (let group: i32 = 0; group < groups; group++) {
    let squares: f64 = 0;
    for (let c = group * perGroup; c < (group + 1) * perGroup; c++) squares += <f64>load<f32>(sums + (<usize>c << 2));
    store<f64>(to + (<usize>group << 4), squares, 8);
  }
}

/**
 * Group normalization as an affine map per channel: `coefficients` gets the factors, then the offsets. The rows'
 * statistics are merged pairwise (Chan et al. 1979), in their order.
 */
export function groupCoefficients(
  chunk: i32, scratch: usize, rows: i32, width: i32, channels: i32, groups: i32, perGroup: i32,
  statistics: usize, scale: usize, shift: usize, coefficients: usize,
): void {
  const offsets = coefficients + (<usize>channels << 2);
  memory.fill(coefficients, 0, <usize>channels << 3);
  const perRow = <f64>(width * perGroup);
  for (let group: i32 = 0; group < groups; group++) {
    let mean: f64 = 0;
    let squares: f64 = 0;
    for (let row: i32 = 0; row < rows; row++) {
      const at = statistics + (<usize>(row * groups + group) << 4);
      const difference = load<f64>(at) - mean;
      mean += difference / <f64>(row + 1);
      squares += load<f64>(at, 8) + difference * difference * perRow * <f64>row / <f64>(row + 1);
    }
    const inverse = 1 / sqrt<f64>(squares / (perRow * <f64>rows) + 1e-5);
    for (let c = group * perGroup; c < (group + 1) * perGroup; c++) {
      const at = <usize>c << 2;
      const factor = inverse * <f64>load<f32>(scale + at);
      store<f32>(coefficients + at, <f32>factor);
      store<f32>(offsets + at, <f32>(<f64>load<f32>(shift + at) - mean * factor));
    }
  }
}

/** One row of `SiLU(input · factor + offset)`; `coefficients` as {@link groupCoefficients} writes them. */
export function normalizedSilu(row: i32, scratch: usize, width: i32, channels: i32, input: usize, coefficients: usize, output: usize): void {
  const bytes = <usize>channels << 2;
  const start = <usize>row * <usize>width * bytes;
  for (let i: usize = start; i < start + <usize>width * bytes; ) {
    for (let c: usize = 0; c < bytes; c += 16, i += 16) {
      const value = f32x4.add(f32x4.mul(v128.load(input + i), v128.load(coefficients + c)), v128.load(coefficients + bytes + c));
      v128.store(output + i, silu(value));
    }
  }
}
