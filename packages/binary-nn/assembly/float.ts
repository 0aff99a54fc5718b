/** The float convolutions: products of matrices, Winograd's transformations around them, and group normalization. */
import { nibbleAbove, sigmoid, silu } from "./vector";

/** 4 rows × 8 columns of a product. With 8 sums, the loop's values fit into the 15 registers that V8 has for them. */
function product4x8(
  row0: usize, row1: usize, row2: usize, row3: usize, depth: i32, weights: usize, low: v128, high: v128,
  out0: usize, out1: usize, out2: usize, out3: usize,
): void {
  let a0 = low, a1 = low, a2 = low, a3 = low;
  let b0 = high, b1 = high, b2 = high, b3 = high;
  const end = row0 + (<usize>depth << 2);
  while (row0 < end) {
    let w0 = v128.load(weights);
    let w1 = v128.load(weights, 16);
    let x = v128.load_splat<f32>(row0);
    a0 = f32x4.add(a0, f32x4.mul(x, w0));
    b0 = f32x4.add(b0, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row1);
    a1 = f32x4.add(a1, f32x4.mul(x, w0));
    b1 = f32x4.add(b1, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row2);
    a2 = f32x4.add(a2, f32x4.mul(x, w0));
    b2 = f32x4.add(b2, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row3);
    a3 = f32x4.add(a3, f32x4.mul(x, w0));
    b3 = f32x4.add(b3, f32x4.mul(x, w1));
    w0 = v128.load(weights, 32);
    w1 = v128.load(weights, 48);
    x = v128.load_splat<f32>(row0, 4);
    a0 = f32x4.add(a0, f32x4.mul(x, w0));
    b0 = f32x4.add(b0, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row1, 4);
    a1 = f32x4.add(a1, f32x4.mul(x, w0));
    b1 = f32x4.add(b1, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row2, 4);
    a2 = f32x4.add(a2, f32x4.mul(x, w0));
    b2 = f32x4.add(b2, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row3, 4);
    a3 = f32x4.add(a3, f32x4.mul(x, w0));
    b3 = f32x4.add(b3, f32x4.mul(x, w1));
    w0 = v128.load(weights, 64);
    w1 = v128.load(weights, 80);
    x = v128.load_splat<f32>(row0, 8);
    a0 = f32x4.add(a0, f32x4.mul(x, w0));
    b0 = f32x4.add(b0, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row1, 8);
    a1 = f32x4.add(a1, f32x4.mul(x, w0));
    b1 = f32x4.add(b1, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row2, 8);
    a2 = f32x4.add(a2, f32x4.mul(x, w0));
    b2 = f32x4.add(b2, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row3, 8);
    a3 = f32x4.add(a3, f32x4.mul(x, w0));
    b3 = f32x4.add(b3, f32x4.mul(x, w1));
    w0 = v128.load(weights, 96);
    w1 = v128.load(weights, 112);
    x = v128.load_splat<f32>(row0, 12);
    a0 = f32x4.add(a0, f32x4.mul(x, w0));
    b0 = f32x4.add(b0, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row1, 12);
    a1 = f32x4.add(a1, f32x4.mul(x, w0));
    b1 = f32x4.add(b1, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row2, 12);
    a2 = f32x4.add(a2, f32x4.mul(x, w0));
    b2 = f32x4.add(b2, f32x4.mul(x, w1));
    x = v128.load_splat<f32>(row3, 12);
    a3 = f32x4.add(a3, f32x4.mul(x, w0));
    b3 = f32x4.add(b3, f32x4.mul(x, w1));
    row0 += 16;
    row1 += 16;
    row2 += 16;
    row3 += 16;
    weights += 128;
  }
  v128.store(out0, a0);
  v128.store(out0, b0, 16);
  v128.store(out1, a1);
  v128.store(out1, b1, 16);
  v128.store(out2, a2);
  v128.store(out2, b2, 16);
  v128.store(out3, a3);
  v128.store(out3, b3, 16);
}

/** 4 rows × 4 columns of a product, of weights for 8. */
function product4x4(
  row0: usize, row1: usize, row2: usize, row3: usize, depth: i32, weights: usize, bias: v128,
  out0: usize, out1: usize, out2: usize, out3: usize,
): void {
  let a0 = bias, a1 = bias, a2 = bias, a3 = bias;
  const end = row0 + (<usize>depth << 2);
  while (row0 < end) {
    let w = v128.load(weights);
    a0 = f32x4.add(a0, f32x4.mul(v128.load_splat<f32>(row0), w));
    a1 = f32x4.add(a1, f32x4.mul(v128.load_splat<f32>(row1), w));
    a2 = f32x4.add(a2, f32x4.mul(v128.load_splat<f32>(row2), w));
    a3 = f32x4.add(a3, f32x4.mul(v128.load_splat<f32>(row3), w));
    w = v128.load(weights, 32);
    a0 = f32x4.add(a0, f32x4.mul(v128.load_splat<f32>(row0, 4), w));
    a1 = f32x4.add(a1, f32x4.mul(v128.load_splat<f32>(row1, 4), w));
    a2 = f32x4.add(a2, f32x4.mul(v128.load_splat<f32>(row2, 4), w));
    a3 = f32x4.add(a3, f32x4.mul(v128.load_splat<f32>(row3, 4), w));
    w = v128.load(weights, 64);
    a0 = f32x4.add(a0, f32x4.mul(v128.load_splat<f32>(row0, 8), w));
    a1 = f32x4.add(a1, f32x4.mul(v128.load_splat<f32>(row1, 8), w));
    a2 = f32x4.add(a2, f32x4.mul(v128.load_splat<f32>(row2, 8), w));
    a3 = f32x4.add(a3, f32x4.mul(v128.load_splat<f32>(row3, 8), w));
    w = v128.load(weights, 96);
    a0 = f32x4.add(a0, f32x4.mul(v128.load_splat<f32>(row0, 12), w));
    a1 = f32x4.add(a1, f32x4.mul(v128.load_splat<f32>(row1, 12), w));
    a2 = f32x4.add(a2, f32x4.mul(v128.load_splat<f32>(row2, 12), w));
    a3 = f32x4.add(a3, f32x4.mul(v128.load_splat<f32>(row3, 12), w));
    row0 += 16;
    row1 += 16;
    row2 += 16;
    row3 += 16;
    weights += 128;
  }
  v128.store(out0, a0);
  v128.store(out1, a1);
  v128.store(out2, a2);
  v128.store(out3, a3);
}

/**
 * `rows` rows of a product `input · weights + bias`; columns and depth are multiples of 4. Missing rows of
 * the last four repeat the last one.
 */
// @ts-ignore: decorator
@inline
function productRows(
  input: usize, rowBytes: usize, rows: i32, depth: i32, weights: usize, bias: usize, output: usize, outBytes: usize, columns: i32,
): void {
  const zero = f32x4.splat(0);
  for (let group: i32 = 0; group < columns; group += 8) {
    const to = output + (<usize>group << 2);
    const groupBias = bias + (<usize>group << 2);
    const low = bias === 0 ? zero : v128.load(groupBias);
    const high = bias === 0 ? zero : v128.load(groupBias, 16);
    for (let row: i32 = 0; row < rows; row += 4) {
      const r0 = <usize>row;
      const r1 = <usize>min(row + 1, rows - 1);
      const r2 = <usize>min(row + 2, rows - 1);
      const r3 = <usize>min(row + 3, rows - 1);
      const in0 = input + r0 * rowBytes, in1 = input + r1 * rowBytes, in2 = input + r2 * rowBytes, in3 = input + r3 * rowBytes;
      const out0 = to + r0 * outBytes, out1 = to + r1 * outBytes, out2 = to + r2 * outBytes, out3 = to + r3 * outBytes;
      if (columns - group > 4) product4x8(in0, in1, in2, in3, depth, weights, low, high, out0, out1, out2, out3);
      else product4x4(in0, in1, in2, in3, depth, weights, low, out0, out1, out2, out3);
    }
    weights += <usize>depth << 5;
  }
}

/**
 * A block of rows of one of several products `[rows][depth] · [depth][columns]`. Chunks count the row blocks of the first
 * product, then those of the second.
 *
 * @param planeRows rows from the beginning of one product's maps to that of the next
 * @param weights of each product, groups of 8 columns, each `[depth][8]`, padded with zeros
 * @param bias per column, padded to a multiple of 8; or 0
 */
export function matrixProduct(
  chunk: i32, scratch: usize,
  rows: i32, planeRows: i32, depth: i32, columns: i32, rowsPerChunk: i32,
  input: usize, weights: usize, bias: usize, output: usize,
): void {
  const blocks = (rows + rowsPerChunk - 1) / rowsPerChunk;
  const product = chunk / blocks;
  const first = (chunk % blocks) * rowsPerChunk;
  const paddedColumns = (columns + 7) & ~7;
  const rowBytes = <usize>depth << 2;
  const outBytes = <usize>columns << 2;
  productRows(
    input + <usize>(product * planeRows + first) * rowBytes, rowBytes, min(rowsPerChunk, rows - first), depth,
    weights + (<usize>(product * depth * paddedColumns) << 2), bias,
    output + <usize>(product * planeRows + first) * outBytes, outBytes, columns,
  );
}

/**
 * One row of a 3×3 convolution with zero padding: the row's neighbourhoods, column by column, then one product. For few
 * input channels; both numbers of channels are multiples of 4.
 *
 * @param weights groups of 8 channels, each `[dx][dy][inChannel][8]`
 */
export function floatConvolution(
  row: i32, scratch: usize,
  height: i32, width: i32, inChannels: i32, outChannels: i32, input: usize, weights: usize, bias: usize, output: usize,
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
  const outBytes = <usize>outChannels << 2;
  productRows(scratch, 3 * pixelBytes, width, 9 * inChannels, weights, bias, output + <usize>(row * width) * outBytes, outBytes, outChannels);
}

/** Rows of tiles that are computed together; neighbours share the rows of the map between them. */
const TILE_ROWS: i32 = 2;

/**
 * The rows of a map that {@link TILE_ROWS} rows of tiles read, from 2·tileRow − 1 on, between columns of zeros; outside is 0.
 * If `coefficients` is not 0 (see {@link groupCoefficients}), they are `SiLU(input · factor + offset)`.
 */
// @ts-ignore: decorator
@inline
function readBand(band: usize, height: i32, width: i32, channels: i32, tileRow: i32, input: usize, coefficients: usize): void {
  const pixelBytes = <usize>channels << 2;
  const rowBytes = <usize>width * pixelBytes;
  // A tile of the last column may reach two columns beyond an odd width.
  const bandRowBytes = <usize>(width + 3) * pixelBytes;
  for (let i: i32 = 0; i < 2 * TILE_ROWS + 2; i++) {
    const y = 2 * tileRow - 1 + i;
    const to = band + <usize>i * bandRowBytes;
    if (y < 0 || y >= height) {
      memory.fill(to, 0, bandRowBytes);
      continue;
    }
    memory.fill(to, 0, pixelBytes);
    memory.fill(to + rowBytes + pixelBytes, 0, 2 * pixelBytes);
    const from = input + <usize>y * rowBytes;
    if (coefficients === 0) {
      memory.copy(to + pixelBytes, from, rowBytes);
      continue;
    }
    for (let at: usize = 0; at < rowBytes; ) {
      for (let c: usize = 0; c < pixelBytes; c += 16, at += 16) {
        const value = f32x4.add(f32x4.mul(v128.load(from + at), v128.load(coefficients + c)), v128.load(coefficients + pixelBytes + c));
        v128.store(to + pixelBytes + at, silu(value));
      }
    }
  }
}

/** `Bᵀ d B` of the 4×4 inputs of one tile of a band that begins with the tile's first row. */
// @ts-ignore: decorator
@inline
function transformTile(band: usize, width: i32, channels: i32, column: i32, output: usize, plane: usize): void {
  const pixelBytes = <usize>channels << 2;
  const rowBytes = <usize>(width + 3) * pixelBytes;
  let from = band + <usize>(2 * column) * pixelBytes;
  const end = from + pixelBytes;
  while (from < end) {
    // Rows of Bᵀ d are 0 − 2, 1 + 2, 2 − 1 and 1 − 3 of d's rows.
    for (let i: usize = 0; i < 4; i++) {
      const first = from + (i === 0 ? 0 : i === 2 ? 2 : 1) * rowBytes;
      const second = from + (i === 2 ? 1 : i === 3 ? 3 : 2) * rowBytes;
      const t0 = combine(i, v128.load(first), v128.load(second));
      const t1 = combine(i, v128.load(first + pixelBytes), v128.load(second + pixelBytes));
      const t2 = combine(i, v128.load(first + 2 * pixelBytes), v128.load(second + 2 * pixelBytes));
      const t3 = combine(i, v128.load(first + 3 * pixelBytes), v128.load(second + 3 * pixelBytes));
      const to = output + 4 * i * plane;
      v128.store(to, f32x4.sub(t0, t2));
      v128.store(to + plane, f32x4.add(t1, t2));
      v128.store(to + 2 * plane, f32x4.sub(t2, t1));
      v128.store(to + 3 * plane, f32x4.sub(t1, t3));
    }
    from += 16;
    output += 16;
  }
}

// @ts-ignore: decorator
@inline
function combine(row: usize, first: v128, second: v128): v128 {
  return row === 1 ? f32x4.add(first, second) : f32x4.sub(first, second);
}

/** Output (i, j) of a tile, four channels: row i of Aᵀ m is 0 + 1 + 2 or 1 − 2 − 3 of m's; then the same along the columns. */
// @ts-ignore: decorator
@inline
function tileOutput(products: usize, plane: usize, i: i32, j: i32, bias: v128): v128 {
  const from = products + <usize>(4 * i + j) * plane;
  let sum = bias;
  for (let k: usize = 0; k < 3; k++) {
    const m0 = v128.load(from + k * plane);
    const m1 = v128.load(from + (k + 4) * plane);
    const m2 = v128.load(from + (k + 8) * plane);
    const m = i === 0 ? f32x4.add(f32x4.add(m0, m1), m2) : f32x4.sub(f32x4.sub(m0, m1), m2);
    sum = k === 0 || j === 0 ? f32x4.add(sum, m) : f32x4.sub(sum, m);
  }
  return sum;
}

/**
 * Two rows of tiles of Winograd's F(2×2, 3×3) input transformation `Bᵀ d B` (Lavin & Gray 2016): `[16][tile][channel]`, of the
 * map itself or, if `coefficients` is not 0, of its normalization and SiLU. Planes lie `planeRows` tiles apart: a power of
 * two would put all sixteen into the same sets of the cache.
 */
export function winogradInput(
  chunk: i32, scratch: usize, height: i32, width: i32, channels: i32, planeRows: i32, input: usize, coefficients: usize, output: usize,
): void {
  const tileColumns = (width + 1) >> 1;
  const tileBytes = <usize>channels << 2;
  const firstRow = chunk * TILE_ROWS;
  readBand(scratch, height, width, channels, firstRow, input, coefficients);
  for (let tileRow = firstRow; tileRow < min(firstRow + TILE_ROWS, (height + 1) >> 1); tileRow++) {
    const band = scratch + <usize>(2 * (tileRow - firstRow) * (width + 3)) * tileBytes;
    for (let column: i32 = 0; column < tileColumns; column++) {
      transformTile(band, width, channels, column, output + <usize>(tileRow * tileColumns + column) * tileBytes, <usize>planeRows * tileBytes);
    }
  }
}

/**
 * One row of tiles of Winograd's output transformation `Aᵀ m A`, plus bias, plus a residual map (if not 0), stored as
 * floats and, if `bitsA` is not 0, as signs.
 */
export function winogradOutput(
  tileRow: i32, scratch: usize, height: i32, width: i32, channels: i32, planeRows: i32,
  input: usize, bias: usize, residual: usize, output: usize, thresholdA: usize, bitsA: usize,
): void {
  const tileColumns = (width + 1) >> 1;
  const plane = <usize>(planeRows * channels) << 2;
  for (let column: i32 = 0; column < tileColumns; column++) {
    const tile = input + (<usize>((tileRow * tileColumns + column) * channels) << 2);
    for (let i: i32 = 0; i < 2; i++) {
      const y = 2 * tileRow + i;
      if (y >= height) break;
      for (let j: i32 = 0; j < 2; j++) {
        const x = 2 * column + j;
        if (x >= width) break;
        for (let c: i32 = 0; c < channels; c += 4) {
          const offset = <usize>c << 2;
          const pixel = <usize>((y * width + x) * channels + c);
          let sum = tileOutput(tile + offset, plane, i, j, v128.load(bias + offset));
          if (residual !== 0) sum = f32x4.add(sum, v128.load(residual + (pixel << 2)));
          v128.store(output + (pixel << 2), sum);
          if (bitsA !== 0) store<u8>(bitsA + (pixel >> 2), <u8>nibbleAbove(sum, v128.load(thresholdA + offset)));
        }
      }
    }
  }
}

/** Tiles that {@link winogradConvolution} takes at once: their inputs stay in the second-level cache. */
const TILES: i32 = 16;

/**
 * Two rows of tiles of a 3×3 convolution with zero padding by Winograd's F(2×2, 3×3), all at once, for maps whose transformed
 * inputs would be large. Of the map itself or, if `coefficients` is not 0, of its normalization and SiLU.
 *
 * @param weights the 16 transformed filters, each as {@link matrixProduct} takes it
 * @param activation 0 none, 1 sigmoid
 */
export function winogradConvolution(
  chunk: i32, scratch: usize,
  height: i32, width: i32, inChannels: i32, outChannels: i32, activation: i32,
  input: usize, coefficients: usize, weights: usize, bias: usize, output: usize,
): void {
  const tileColumns = (width + 1) >> 1;
  const paddedChannels = (outChannels + 3) & ~3;
  const inBytes = <usize>inChannels << 2;
  const outBytes = <usize>paddedChannels << 2;
  // 64 bytes more than a power of two, for the cache's sets.
  const inPlane = <usize>TILES * inBytes + 64;
  const outPlane = <usize>TILES * outBytes + 64;
  const bandRowBytes = <usize>(width + 3) * inBytes;
  const transformed = scratch + <usize>(2 * TILE_ROWS + 2) * bandRowBytes;
  const products = transformed + 16 * inPlane;
  const pixel = products + 16 * outPlane;
  const filterBytes = <usize>inChannels * <usize>((outChannels + 7) & ~7) * 4;
  const firstRow = chunk * TILE_ROWS;
  readBand(scratch, height, width, inChannels, firstRow, input, coefficients);
  for (let tileRow = firstRow; tileRow < min(firstRow + TILE_ROWS, (height + 1) >> 1); tileRow++) {
    const band = scratch + <usize>(2 * (tileRow - firstRow)) * bandRowBytes;
    for (let first: i32 = 0; first < tileColumns; first += TILES) {
      const tiles = min(TILES, tileColumns - first);
      for (let tile: i32 = 0; tile < tiles; tile++) {
        transformTile(band, width, inChannels, first + tile, transformed + <usize>tile * inBytes, inPlane);
      }
      for (let i: usize = 0; i < 16; i++) {
        productRows(transformed + i * inPlane, inBytes, tiles, inChannels, weights + i * filterBytes, 0, products + i * outPlane, outBytes, paddedChannels);
      }
      for (let tile: i32 = 0; tile < tiles; tile++) {
        const tileProducts = products + <usize>tile * outBytes;
        for (let i: i32 = 0; i < 2; i++) {
          const y = 2 * tileRow + i;
          if (y >= height) break;
          for (let j: i32 = 0; j < 2; j++) {
            const x = 2 * (first + tile) + j;
            if (x >= width) break;
            const to = output + (<usize>((y * width + x) * outChannels) << 2);
            for (let c: usize = 0; c < outBytes; c += 16) {
              const sum = tileOutput(tileProducts + c, outPlane, i, j, v128.load(bias + c));
              v128.store(pixel + c, activation === 1 ? sigmoid(sum) : sum);
            }
            for (let c: usize = 0; c < <usize>outChannels << 2; c += 4) store<f32>(to + c, load<f32>(pixel + c));
          }
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
