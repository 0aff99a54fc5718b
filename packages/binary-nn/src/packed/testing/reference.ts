/**
 * The packed kernels as plain loops. Signs are numbers, +1 or −1. Where the order of float32 operations is part
 * of a kernel's definition, it is kept, so that results agree bit for bit; the rest is float64.
 */

const f32 = Math.fround;

/** `[height][width][channels]` */
export interface FeatureMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** Signs, four channels a nibble; the first channel is the lowest bit, which is 1 for +1. */
export function packSigns(signs: Float32Array): Uint8Array {
  return Uint8Array.from({ length: signs.length / 4 }, (_, nibble) =>
    [0, 1, 2, 3].reduce((bits, k) => bits | (signs[4 * nibble + k] === 1 ? 1 << k : 0), 0),
  );
}

/** +1 where a value is above its channel's threshold, else −1. */
export function signsAbove(values: Float32Array, thresholds: Float32Array): Float32Array {
  return values.map((value, index) => (value > thresholds[index % thresholds.length]! ? 1 : -1));
}

/**
 * The signs of weights, of which their output channel's mean is subtracted first if `centred`; the sign of 0 is −1.
 *
 * @param weights `[…][outChannel]`
 */
export function weightSigns(weights: Float32Array, outChannels: number, centred: boolean): Float32Array {
  const means = new Float64Array(outChannels);
  if (centred) {
    weights.forEach((weight, index) => (means[index % outChannels]! += weight));
    for (let channel = 0; channel < outChannels; channel++) means[channel]! /= weights.length / outChannels;
  }
  return weights.map((weight, index) => (weight > means[index % outChannels]! ? 1 : -1));
}

/** A map of another size, whose values are found by `value(y, x, channel)`. */
function mapOf(height: number, width: number, channels: number, value: (y: number, x: number, channel: number) => number): FeatureMap {
  const data = new Float32Array(height * width * channels);
  let index = 0;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) data[index++] = value(y, x, c);
  return { height, width, channels, data };
}

function at({ width, channels, data }: FeatureMap, y: number, x: number, channel: number): number {
  return data[(y * width + x) * channels + channel]!;
}

/** The maps' channels, one map after the other. */
export function joinChannels(maps: readonly FeatureMap[]): FeatureMap {
  const { height, width } = maps[0]!;
  const sources = maps.flatMap((map) => Array.from({ length: map.channels }, (_, channel) => ({ map, channel })));
  return mapOf(height, width, sources.length, (y, x, c) => at(sources[c]!.map, y, x, sources[c]!.channel));
}

/** Every pixel four times, 2×2. */
export function doubled(map: FeatureMap): FeatureMap {
  return mapOf(2 * map.height, 2 * map.width, map.channels, (y, x, c) => at(map, y >> 1, x >> 1, c));
}

/** Means of neighbouring channel pairs. */
export function pairMeans(map: FeatureMap): FeatureMap {
  return mapOf(map.height, map.width, map.channels / 2, (y, x, c) => f32(f32(at(map, y, x, 2 * c) + at(map, y, x, 2 * c + 1)) * 0.5));
}

/** Means of four neighbouring channels. */
export function quadMeans(map: FeatureMap): FeatureMap {
  return mapOf(map.height, map.width, map.channels / 4, (y, x, c) => {
    const [a, b, d, e] = [0, 1, 2, 3].map((k) => at(map, y, x, 4 * c + k)) as [number, number, number, number];
    return f32(f32(f32(a + b) + f32(d + e)) * 0.25);
  });
}

/** Means of 2×2 pixels. */
export function pooled(map: FeatureMap): FeatureMap {
  return mapOf(map.height / 2, map.width / 2, map.channels, (y, x, c) => {
    const [upper, lower] = [2 * y, 2 * y + 1].map((row) => f32(at(map, row, 2 * x, c) + at(map, row, 2 * x + 1, c))) as [number, number];
    return f32(f32(upper + lower) * 0.25);
  });
}

/** The map's channels again and again, `channels` in all. */
export function repeatedChannels(map: FeatureMap, channels: number): FeatureMap {
  return mapOf(map.height, map.width, channels, (y, x, c) => at(map, y, x, c % map.channels));
}

interface Filter {
  readonly kernelSize: number;
  readonly outChannels: number;
  readonly stride: number;
}

/**
 * The sums of products of a convolution with zero padding, in float64: `[outHeight][outWidth][outChannels]`.
 *
 * @param weights `[dy][dx][inChannel][outChannel]`
 */
export function convolution(
  { height, width, channels, data }: FeatureMap,
  weights: Float32Array,
  { kernelSize, outChannels, stride }: Filter,
): Float64Array {
  const radius = (kernelSize - 1) / 2;
  const [outHeight, outWidth] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const result = new Float64Array(outHeight * outWidth * outChannels);
  for (let pixel = 0; pixel < outHeight * outWidth; pixel++) {
    const [top, left] = [Math.floor(pixel / outWidth) * stride - radius, (pixel % outWidth) * stride - radius];
    for (let dy = 0; dy < kernelSize; dy++) {
      for (let dx = 0; dx < kernelSize; dx++) {
        const [y, x] = [top + dy, left + dx];
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        for (let c = 0; c < channels; c++) {
          const value = data[(y * width + x) * channels + c]!;
          const row = ((dy * kernelSize + dx) * channels + c) * outChannels;
          for (let out = 0; out < outChannels; out++) result[pixel * outChannels + out]! += value * weights[row + out]!;
        }
      }
    }
  }
  return result;
}

/** Tables of one value per channel. */
export interface Activation {
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly slope: Float32Array;
  readonly after: Float32Array;
}

/** `PReLU(scale · sum + bias + added₁ + …) + after` */
export function activated(sums: ArrayLike<number>, { scale, bias, slope, after }: Activation, added: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from({ length: sums.length }, (_, index) => {
    const channel = index % scale.length;
    let value = f32(f32(sums[index]! * scale[channel]!) + bias[channel]!);
    for (const map of added) value = f32(value + map[index]!);
    return f32((value > 0 ? value : f32(slope[channel]! * value)) + after[channel]!);
  });
}

/** `input · scale + bias (+ residual)` */
export function affine(input: Float32Array, scale: Float32Array, bias: Float32Array, residual?: Float32Array): Float32Array {
  return input.map((value, index) => {
    const scaled = f32(f32(value * scale[index % scale.length]!) + bias[index % scale.length]!);
    return residual === undefined ? scaled : f32(scaled + residual[index]!);
  });
}

/** Sums of the signs of those values whose keys agree with the query in more than 0.35 of the best key's score, per head. */
export function attentionContext(
  query: Float32Array,
  key: Float32Array,
  value: Float32Array,
  { tokens, channels, heads }: { readonly tokens: number; readonly channels: number; readonly heads: number },
): Float32Array {
  const perHead = channels / heads;
  const context = new Float32Array(tokens * channels);
  for (let token = 0; token < tokens; token++) {
    for (let start = 0; start < channels; start += perHead) {
      const scores = Array.from({ length: tokens }, (_, other) => {
        let dot = 0;
        for (let c = start; c < start + perHead; c++) dot += query[token * channels + c]! * key[other * channels + c]!;
        return dot;
      });
      const best = Math.max(...scores);
      scores.forEach((score, other) => {
        if (100 * score <= 35 * best) return;
        for (let c = start; c < start + perHead; c++) context[token * channels + c]! += value[other * channels + c]!;
      });
    }
  }
  return context;
}

/** Means over `length` neighbours along one axis, zeros outside. */
export function windowMeans(map: FeatureMap, length: number, vertical: boolean): FeatureMap {
  const factor = f32(1 / length);
  return mapOf(map.height, map.width, map.channels, (y, x, c) => {
    let sum = 0;
    for (let d = -(length - 1) / 2; d <= (length - 1) / 2; d++) {
      const [row, column] = vertical ? [y + d, x] : [y, x + d];
      if (row >= 0 && row < map.height && column >= 0 && column < map.width) sum = f32(sum + at(map, row, column, c));
    }
    return f32(sum * factor);
  });
}

/** `base + Σ branch · scale + bias`; the tables of all branches, one after the other. */
export function branchSum(base: FeatureMap, branches: readonly FeatureMap[], scale: Float32Array, bias: Float32Array): Float32Array {
  const { channels } = base;
  return base.data.map((value, index) =>
    branches.reduce((sum, { data }, branch) => {
      const table = branch * channels + (index % channels);
      return f32(sum + f32(f32(data[index]! * scale[table]!) + bias[table]!));
    }, value),
  );
}

/** `[rows][depth] · [depth][columns] + bias`, summed over the depth in its order. */
export function matrixProduct(input: Float32Array, matrix: Float32Array, depth: number, columns: number, bias?: Float32Array): Float32Array {
  return Float32Array.from({ length: (input.length / depth) * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    let sum = bias?.[column] ?? 0;
    for (let k = 0; k < depth; k++) sum = f32(sum + f32(input[row * depth + k]! * matrix[k * columns + column]!));
    return sum;
  });
}

/** Each pixel's 3×3 neighbours, `[dx][dy][channel]`, zeros outside: one row of a matrix per pixel. */
export function neighbourhoods(map: FeatureMap): Float32Array {
  const { height, width, channels } = map;
  return mapOf(height, width, 9 * channels, (y, x, index) => {
    const tap = Math.floor(index / channels);
    const [row, column] = [y + (tap % 3) - 1, x + Math.floor(tap / 3) - 1];
    return row < 0 || row >= height || column < 0 || column >= width ? 0 : at(map, row, column, index % channels);
  }).data;
}

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

export function silu(value: number): number {
  return value * sigmoid(value);
}

type Matrix = readonly (readonly number[])[];

/** Lavin & Gray 2016, F(2×2, 3×3): `Bᵀ` and `Aᵀ`. */
const inputTransformation: Matrix = [
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, 1, 0, -1],
];
const outputTransformation: Matrix = [
  [1, 1, 1, 0],
  [0, 1, -1, -1],
];

/** `T · tile · Tᵀ` of a 4×4 tile, row by row. */
function transformed(transformation: Matrix, tile: (row: number, column: number) => number): number[] {
  return transformation.flatMap((vertical) =>
    transformation.map((horizontal) => {
      let sum = 0;
      for (let row = 0; row < 4; row++) for (let column = 0; column < 4; column++) sum += vertical[row]! * horizontal[column]! * tile(row, column);
      return sum;
    }),
  );
}

/** `Bᵀ d B` of the 4×4 tiles around each 2×2 pixels: `[16][tile][channel]`. */
export function winogradInput(map: FeatureMap): Float64Array {
  const { height, width, channels } = map;
  const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  const result = new Float64Array(16 * rows * columns * channels);
  const inside = (y: number, x: number): boolean => y >= 0 && y < height && x >= 0 && x < width;
  for (let tile = 0; tile < rows * columns; tile++) {
    const [top, left] = [2 * Math.floor(tile / columns) - 1, 2 * (tile % columns) - 1];
    for (let c = 0; c < channels; c++) {
      const values = transformed(inputTransformation, (dy, dx) => (inside(top + dy, left + dx) ? at(map, top + dy, left + dx, c) : 0));
      values.forEach((value, k) => (result[(k * rows * columns + tile) * channels + c] = value));
    }
  }
  return result;
}

/** `Aᵀ m A` of `[16][tile][channel]`: the map, without what the tiles have beyond it. */
export function winogradOutput(products: Float32Array, height: number, width: number, channels: number): Float64Array {
  const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  const result = new Float64Array(height * width * channels);
  for (let tile = 0; tile < rows * columns; tile++) {
    for (let c = 0; c < channels; c++) {
      const values = transformed(outputTransformation, (i, j) => products[((4 * i + j) * rows * columns + tile) * channels + c]!);
      values.forEach((value, k) => {
        const [y, x] = [2 * Math.floor(tile / columns) + (k >> 1), 2 * (tile % columns) + (k & 1)];
        if (y < height && x < width) result[(y * width + x) * channels + c] = value;
      });
    }
  }
  return result;
}

/** Per row and group, the mean and the sum of squared distances from it: `[row][group][2]`. */
export function rowStatistics({ height, width, channels, data }: FeatureMap, groups: number, perGroup: number): Float64Array {
  const result = new Float64Array(height * groups * 2);
  for (let row = 0; row < height; row++) {
    for (let group = 0; group < groups; group++) {
      const values: number[] = [];
      for (let x = 0; x < width; x++) {
        const from = (row * width + x) * channels + group * perGroup;
        values.push(...data.subarray(from, from + perGroup));
      }
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      result.set([mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0)], (row * groups + group) * 2);
    }
  }
  return result;
}

/** Factors and offsets of group normalization (ε = 1e−5), from the statistics of rows; 0 for channels of no group. */
export function groupCoefficients(
  statistics: Float64Array,
  { rows, width, channels, groups, perGroup }: { rows: number; width: number; channels: number; groups: number; perGroup: number },
  scale: Float32Array,
  shift: Float32Array,
): Float64Array {
  const result = new Float64Array(2 * channels);
  for (let channel = 0; channel < groups * perGroup; channel++) {
    const group = Math.floor(channel / perGroup);
    const ofRows = Array.from({ length: rows }, (_, row) => statistics.subarray((row * groups + group) * 2, (row * groups + group) * 2 + 2));
    const mean = ofRows.reduce((sum, [rowMean]) => sum + rowMean! / rows, 0);
    const squares = ofRows.reduce((sum, [rowMean, rowSquares]) => sum + rowSquares! + width * perGroup * (rowMean! - mean) ** 2, 0);
    const factor = scale[channel]! / Math.sqrt(squares / (rows * width * perGroup) + 1e-5);
    result[channel] = factor;
    result[channels + channel] = shift[channel]! - mean * factor;
  }
  return result;
}

/** Classes above ½, as signs of four channels a nibble, missing classes −1. */
export function maskSigns(input: Float32Array, classes: number): Float32Array {
  const padded = Math.ceil(classes / 4) * 4;
  return Float32Array.from({ length: (input.length / classes) * padded }, (_, index) => {
    const [pixel, channel] = [Math.floor(index / padded), index % padded];
    return channel < classes && input[pixel * classes + channel]! > 0.5 ? 1 : -1;
  });
}

/**
 * The sums of each four classes' weights that a nibble selects: `[dx][dy][nibble][16][channel]`.
 *
 * @param weights `[dy][dx][class][channel]`, classes in multiples of 4
 */
export function stemTables(weights: Float32Array, classes: number, channels: number): Float32Array {
  const tables = new Float32Array(9 * classes * 4 * channels);
  let index = 0;
  for (let tap = 0; tap < 9; tap++) {
    const [dx, dy] = [Math.floor(tap / 3), tap % 3];
    for (let first = 0; first < classes; first += 4) {
      for (let bits = 0; bits < 16; bits++) {
        for (let channel = 0; channel < channels; channel++, index++) {
          for (let k = 0; k < 4; k++) if ((bits >> k) & 1) tables[index]! += weights[((dy * 3 + dx) * classes + first + k) * channels + channel]!;
        }
      }
    }
  }
  return tables;
}

/** `base` plus the entries of the tables that the neighbourhood's nibbles select, in the tables' order. */
export function stem(mask: FeatureMap, tables: Float32Array, base: FeatureMap): Float32Array {
  const { height, width, channels: classes } = mask;
  const nibbles = classes / 4;
  const bits = packSigns(mask.data);
  return mapOf(height, width, base.channels, (y, x, channel) => {
    let sum = at(base, y, x, channel);
    for (let tap = 0; tap < 9; tap++) {
      const [row, column] = [y + (tap % 3) - 1, x + Math.floor(tap / 3) - 1];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      for (let nibble = 0; nibble < nibbles; nibble++) {
        const entry = (tap * nibbles + nibble) * 16 + bits[(row * width + column) * nibbles + nibble]!;
        sum = f32(sum + tables[entry * base.channels + channel]!);
      }
    }
    return sum;
  }).data;
}
