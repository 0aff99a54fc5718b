import type { Generator } from "@hidiff/core-tensor/random";
import { columnOrder, kernelMatrix, kernelVector, winogradFilter } from "../float-weights.ts";
import { kernelWeights, packWeights } from "../weights.ts";
import * as reference from "./reference.ts";
import type { FeatureMap } from "./reference.ts";
import { blank, type KernelCase, type Values } from "./test-bench.ts";

/** Random inputs of kernels. */
export class Inputs {
  readonly random: Generator;
  /** Whether numbers are small multiples of ¼: then float32 is exact, in whatever order. Else they are normal deviates. */
  readonly exact: boolean;

  constructor(random: Generator, exact: boolean) {
    this.random = random;
    this.exact = exact;
  }

  floats(length: number): Float32Array {
    return this.exact ? this.quarters(length) : this.random.normalArray(length);
  }

  /** Multiples of ¼ in [−2, 2]. */
  quarters(length: number): Float32Array {
    return Float32Array.from({ length }, () => (this.random.integer(17) - 8) / 4);
  }

  signs(length: number): Float32Array {
    return Float32Array.from({ length }, () => 2 * (this.random.uint32() & 1) - 1);
  }

  map(height: number, width: number, channels: number, data: Float32Array = this.floats(height * width * channels)): FeatureMap {
    return { height, width, channels, data };
  }

  /** A threshold per channel; every other one is a value of its channel: a tie. */
  thresholds(values: Float32Array, channels: number): Float32Array {
    return this.floats(channels).map((value, channel) =>
      this.random.bernoulli(0.5) ? values[channels * this.random.integer(values.length / channels) + channel]! : value,
    );
  }
}

export type Letter = "A" | "B" | "C";

type Parameters = Record<string, number | Values>;
type Outputs = Record<string, { values: Values; tolerance?: number }>;

/** A map's parameters: its floats (if `store`) and its signs by the thresholds that `letters` names of `possible` ones. */
function storedMap(
  inputs: Inputs,
  values: Float32Array,
  channels: number,
  { store = true, letters = [], possible }: { readonly store?: boolean; readonly letters?: readonly Letter[]; readonly possible: readonly Letter[] },
): { inputs: Parameters; outputs: Outputs } {
  const parameters: Parameters = store ? {} : { output: 0 };
  const outputs: Outputs = store ? { output: { values } } : {};
  for (const letter of possible) {
    const thresholds = inputs.thresholds(values, channels);
    const stored = letters.includes(letter);
    parameters[`threshold${letter}`] = stored ? thresholds : 0;
    if (stored) outputs[`bits${letter}`] = { values: reference.packSigns(reference.signsAbove(values, thresholds)) };
    else parameters[`bits${letter}`] = 0;
  }
  return { inputs: parameters, outputs };
}

/** The numbers that `binaryConvolution` has for the shortcuts. */
const shortcuts = { none: 0, same: 1, pairMean: 2, pool: 3, tile: 4, quadMean: 5 } as const;

export type Shortcut = keyof typeof shortcuts;

export interface BinaryConvolutionGeometry {
  readonly inHeight: number;
  readonly inWidth: number;
  /** Of one map or of two. */
  readonly inChannels: readonly number[];
  readonly outChannels: number;
  /** Default: 3. */
  readonly kernelSize?: 1 | 3;
  /** Default: 1. */
  readonly stride?: 1 | 2;
  readonly upsampled?: boolean;
  /** Default: "none". */
  readonly shortcut?: Shortcut;
  /** Of the shortcut's one or two maps; default: one map with as many as fit. */
  readonly shortcutChannels?: readonly number[];
  /** Whether the floats are stored; default: true. */
  readonly store?: boolean;
  /** Default: A and B. */
  readonly letters?: readonly Letter[];
  /** All of the activations' and weights' signs; default: random ones. */
  readonly extreme?: readonly [1 | -1, 1 | -1];
}

/** Naive products of signs with explicit zero padding; the weights go through `packWeights` and `kernelWeights`. */
export function binaryConvolutionCase(inputs: Inputs, geometry: BinaryConvolutionGeometry): KernelCase {
  const { inHeight, inWidth, inChannels, outChannels, kernelSize = 3, stride = 1, upsampled = false, shortcut = "none", extreme, letters = ["A", "B"] } = geometry;
  const { random } = inputs;
  const maps = inChannels.map((channels) => {
    const signs = inputs.signs(inHeight * inWidth * channels);
    return inputs.map(inHeight, inWidth, channels, extreme === undefined ? signs : signs.fill(extreme[0]));
  });
  const joined = reference.joinChannels(maps);
  const centred = extreme === undefined && random.bernoulli(0.5);
  const realWeights = random.normalArray(kernelSize * kernelSize * joined.channels * outChannels, centred ? 0.5 : 0);
  if (extreme !== undefined) realWeights.fill(extreme[1]);
  const { packed } = packWeights(realWeights, { outChannels, inChannels: joined.channels, kernelSize }, centred);
  const weightSigns = reference.weightSigns(realWeights, outChannels, centred);
  const domain = upsampled ? reference.doubled(joined) : joined;
  const dots = reference.convolution(domain, weightSigns, { kernelSize, outChannels, stride });
  const [height, width] = [Math.ceil(domain.height / stride), Math.ceil(domain.width / stride)];

  const fitting = { none: 0, same: outChannels, pairMean: 2 * outChannels, pool: outChannels, tile: outChannels, quadMean: 4 * outChannels }[shortcut];
  const ofOutputSize = shortcut === "tile" || shortcut === "quadMean";
  const added = (geometry.shortcutChannels ?? [fitting]).map((channels) =>
    ofOutputSize ? inputs.map(height, width, channels) : inputs.map(inHeight, inWidth, channels),
  );
  const activation = activationTables(inputs, outChannels);
  const values = reference.activated(dots, activation, shortcut === "none" ? [dots.map(() => 0)] : [residual(shortcut, added, upsampled, outChannels).data]);
  const stored = storedMap(inputs, values, outChannels, { store: geometry.store ?? true, letters, possible: ["A", "B"] });
  return {
    kernel: "binaryConvolution",
    chunks: height,
    inputs: {
      height, width, outChannels, kernelSize, stride, upsampled: Number(upsampled), inHeight, inWidth,
      bits1: reference.packSigns(maps[0]!.data), nibbles1: inChannels[0]! / 4,
      bits2: maps[1] === undefined ? 0 : reference.packSigns(maps[1].data), nibbles2: (inChannels[1] ?? 0) / 4,
      weights: kernelWeights(packed), ...activation,
      shortcut: shortcuts[shortcut], shortcut1: added[0]!.data, shortcutChannels1: added[0]!.channels,
      shortcut2: added[1]?.data ?? 0, shortcutChannels2: added[1]?.channels ?? 0,
      ...stored.inputs,
    },
    outputs: stored.outputs,
  };
}

function activationTables(inputs: Inputs, channels: number): reference.Activation & Parameters {
  const [scale, bias, slope, after] = [0, 1, 2, 3].map(() => inputs.floats(channels)) as [Float32Array, Float32Array, Float32Array, Float32Array];
  return { scale, bias, slope, after };
}

function residual(shortcut: Exclude<Shortcut, "none">, added: readonly FeatureMap[], upsampled: boolean, outChannels: number): FeatureMap {
  const map = reference.joinChannels(added);
  const enlarged = upsampled ? reference.doubled(map) : map;
  switch (shortcut) {
    case "same":
      return enlarged;
    case "pairMean":
      return reference.pairMeans(enlarged);
    case "pool":
      return reference.repeatedChannels(reference.pooled(map), outChannels);
    case "tile":
      return reference.repeatedChannels(map, outChannels);
    case "quadMean":
      return reference.quadMeans(map);
  }
}

interface AffineGeometry {
  readonly tokens: number;
  readonly channels: number;
  readonly tokensPerChunk: number;
  readonly withResidual: boolean;
  readonly store: boolean;
  readonly letters: readonly Letter[];
}

export function affineCase(inputs: Inputs, { tokens, channels, tokensPerChunk, withResidual, store, letters }: AffineGeometry): KernelCase {
  const [input, residual] = [inputs.floats(tokens * channels), inputs.floats(tokens * channels)];
  const [scale, bias] = [inputs.floats(channels), inputs.floats(channels)];
  const values = reference.affine(input, scale, bias, withResidual ? residual : undefined);
  const stored = storedMap(inputs, values, channels, { store, letters, possible: ["A", "B", "C"] });
  return {
    kernel: "affine",
    chunks: Math.ceil(tokens / tokensPerChunk),
    inputs: { tokens, channels, tokensPerChunk, input, scale, bias, residual: withResidual ? residual : 0, ...stored.inputs },
    outputs: stored.outputs,
  };
}

interface AttentionGeometry {
  readonly tokens: number;
  readonly channels: number;
  readonly heads: number;
}

/** @param signs of queries, keys and values; default: random ones */
export function attentionCase(
  inputs: Inputs,
  { tokens, channels, heads }: AttentionGeometry,
  signs: readonly Float32Array[] = [0, 1, 2].map(() => inputs.signs(tokens * channels)),
): KernelCase {
  const [query, key, value] = [0, 1, 2].map(() => inputs.floats(tokens * channels)) as [Float32Array, Float32Array, Float32Array];
  const [queryBits, keyBits, valueBits] = signs.map(reference.packSigns) as [Uint8Array, Uint8Array, Uint8Array];
  const context = reference.attentionContext(signs[0]!, signs[1]!, signs[2]!, { tokens, channels, heads });
  const activation = activationTables(inputs, channels);
  const stored = storedMap(inputs, reference.activated(context, activation, [query, key, value]), channels, { letters: ["A"], possible: ["A"] });
  return {
    kernel: "attention",
    chunks: tokens,
    inputs: { tokens, channels, heads, queryBits, keyBits, valueBits, query, key, value, ...activation, ...stored.inputs },
    outputs: stored.outputs,
  };
}

export interface MapSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export function feedForwardSumCase(inputs: Inputs, { height, width, channels }: MapSize): KernelCase {
  const [base, contracted, normalized] = [0, 1, 2].map(() => inputs.map(height, width, channels)) as [FeatureMap, FeatureMap, FeatureMap];
  const [scale, bias] = [inputs.floats(5 * channels), inputs.floats(5 * channels)];
  const means = [true, false].flatMap((vertical) => [3, 5].map((length) => reference.windowMeans(normalized, length, vertical)));
  return {
    kernel: "feedForwardSum",
    chunks: height,
    inputs: { height, width, channels, base: base.data, contracted: contracted.data, normalized: normalized.data, scale, bias },
    outputs: { output: { values: reference.branchSum(base, [contracted, ...means], scale, bias) } },
  };
}

export function reinterpretCase(inputs: Inputs, tokens: number, channels: number): KernelCase {
  const input = inputs.floats(tokens * channels);
  const values = input.map((_, index) => input[(index % channels) * tokens + Math.floor(index / channels)]!);
  return { kernel: "reinterpret", chunks: tokens, inputs: { tokens, channels, input }, outputs: { output: { values } } };
}

interface MatrixProductGeometry {
  readonly products: number;
  readonly rows: number;
  /** Rows of nothing between one product's maps and the next one's. */
  readonly gap: number;
  /** A multiple of 4, as is the number of columns. */
  readonly depth: number;
  readonly columns: number;
  readonly rowsPerChunk: number;
  readonly withBias: boolean;
}

export function matrixProductCase(inputs: Inputs, { products, rows, gap, depth, columns, rowsPerChunk, withBias }: MatrixProductGeometry): KernelCase {
  const bias = withBias ? inputs.floats(columns) : undefined;
  const factors = Array.from({ length: products }, () => ({ input: inputs.floats(rows * depth), matrix: inputs.floats(depth * columns) }));
  const values = factors.map(({ input, matrix }) => reference.matrixProduct(input, matrix, depth, columns, bias));
  return {
    kernel: "matrixProduct",
    chunks: products * Math.ceil(rows / rowsPerChunk),
    inputs: {
      rows, planeRows: rows + gap, depth, columns, rowsPerChunk,
      input: withGaps(factors.map(({ input }) => input), gap * depth),
      weights: withGaps(factors.map(({ matrix }) => kernelMatrix(matrix, depth, columns)), 0),
      bias: bias === undefined ? 0 : kernelVector(bias),
    },
    outputs: { output: { values: withGaps(values, gap * columns) } },
  };
}

/** The parts one after the other, each followed by a gap of so many numbers. */
function withGaps(parts: readonly Float32Array[], gap: number): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part, ...blank(gap)]));
}

/** The 16 planes of Winograd's transformations, with a gap after each. */
function planesWithGaps(planes: Float32Array, gap: number): Float32Array {
  const length = planes.length / 16;
  return withGaps(Array.from({ length: 16 }, (_, k) => planes.subarray(k * length, (k + 1) * length)), gap);
}

interface ConvolutionGeometry {
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** A 3×3 convolution with zero padding, in float64. */
export function convolved(map: FeatureMap, filter: Float32Array, bias: Float32Array): Float64Array {
  const outChannels = bias.length;
  return reference.convolution(map, filter, { kernelSize: 3, outChannels, stride: 1 }).map((sum, index) => sum + bias[index % outChannels]!);
}

/** Numbers of channels are multiples of 4. */
export function floatConvolutionCase(inputs: Inputs, { height, width, inChannels, outChannels }: ConvolutionGeometry): KernelCase {
  const map = inputs.map(height, width, inChannels);
  const [filter, bias] = [inputs.floats(9 * inChannels * outChannels), inputs.floats(outChannels)];
  const matrix = columnOrder(filter, inChannels, outChannels, inChannels);
  const values = inputs.exact
    ? Float32Array.from(convolved(map, filter, bias))
    : reference.matrixProduct(reference.neighbourhoods(map), matrix, 9 * inChannels, outChannels, bias);
  const weights = kernelMatrix(matrix, 9 * inChannels, outChannels);
  return {
    kernel: "floatConvolution",
    chunks: height,
    inputs: { height, width, inChannels, outChannels, input: map.data, weights, bias: kernelVector(bias) },
    outputs: { output: { values } },
  };
}

/** Factors and offsets of channels, and `SiLU(map · factor + offset)`. */
function normalizedSilu(inputs: Inputs, map: FeatureMap): { readonly coefficients: Float32Array; readonly normalized: FeatureMap } {
  const [factors, offsets] = [inputs.floats(map.channels), inputs.floats(map.channels)];
  const data = reference.affine(map.data, factors, offsets).map(reference.silu);
  return { coefficients: Float32Array.of(...factors, ...offsets), normalized: { ...map, data } };
}

/** The relative error of SiLU and of the sigmoid: 3e−7 of the exponential function, its argument's last bit (|x| 2⁻²⁴), two roundings. */
const siluError = 2e-6;

interface WinogradConvolutionGeometry extends ConvolutionGeometry {
  readonly normalized: boolean;
  readonly withSigmoid: boolean;
}

/** The number of input channels is a multiple of 4. */
export function winogradConvolutionCase(inputs: Inputs, geometry: WinogradConvolutionGeometry): KernelCase {
  const { height, width, inChannels, outChannels, normalized: isNormalized, withSigmoid } = geometry;
  const input = inputs.map(height, width, inChannels);
  const [filter, bias] = [inputs.floats(9 * inChannels * outChannels), inputs.floats(outChannels)];
  const { coefficients, normalized } = normalizedSilu(inputs, input);
  const map = isNormalized ? normalized : input;
  const values = Float32Array.from(convolved(map, filter, bias));
  const isExact = inputs.exact && !isNormalized;
  const tolerance = (isExact ? 0 : winogradTolerance(map, filter, bias)) + (withSigmoid ? siluError : 0);
  return {
    kernel: "winogradConvolution",
    chunks: Math.ceil(height / 4),
    inputs: {
      height, width, inChannels, outChannels, activation: Number(withSigmoid), input: input.data, coefficients: isNormalized ? coefficients : 0,
      weights: winogradFilter(filter, inChannels, outChannels, inChannels), bias: kernelVector(bias),
    },
    outputs: { output: { values: withSigmoid ? values.map(reference.sigmoid) : values, tolerance } },
  };
}

/** The error of Winograd's convolution: of inputs that are SiLU's results, and of float32's last bits, relative to the sums of magnitudes. */
export function winogradTolerance(map: FeatureMap, filter: Float32Array, bias: Float32Array): number {
  const magnitudes = convolved({ ...map, data: map.data.map(Math.abs) }, filter.map(Math.abs), bias.map(Math.abs));
  return (siluError + 2 ** -22) * magnitudes.reduce((largest, value) => Math.max(largest, value));
}

interface WinogradInputGeometry extends MapSize {
  readonly normalized: boolean;
  /** Tiles of nothing between planes. */
  readonly gap: number;
}

/** In multiples of ¼, so that it is exact, or normalized. */
export function winogradInputCase(inputs: Inputs, { height, width, channels, normalized: isNormalized, gap }: WinogradInputGeometry): KernelCase {
  const input = inputs.map(height, width, channels, inputs.quarters(height * width * channels));
  const { coefficients, normalized } = normalizedSilu(inputs, input);
  const planes = Float32Array.from(reference.winogradInput(isNormalized ? normalized : input));
  const largest = normalized.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return {
    kernel: "winogradInput",
    chunks: Math.ceil(height / 4),
    inputs: {
      height, width, channels, planeRows: Math.ceil(height / 2) * Math.ceil(width / 2) + gap,
      input: input.data, coefficients: isNormalized ? coefficients : 0,
    },
    // A number is the sum of four of the map's.
    outputs: { output: { values: planesWithGaps(planes, gap * channels), tolerance: isNormalized ? 4 * largest * siluError : 0 } },
  };
}

interface WinogradOutputGeometry extends MapSize {
  /** Tiles of nothing between planes. */
  readonly gap: number;
  readonly withResidual: boolean;
  readonly withSigns: boolean;
}

/** In multiples of ¼, so that it is exact. */
export function winogradOutputCase(inputs: Inputs, { height, width, channels, gap, withResidual, withSigns }: WinogradOutputGeometry): KernelCase {
  const tiles = Math.ceil(height / 2) * Math.ceil(width / 2);
  const planes = inputs.quarters(16 * tiles * channels);
  const [bias, residual] = [inputs.quarters(channels), inputs.quarters(height * width * channels)];
  const sums = reference.winogradOutput(planes, height, width, channels);
  const values = Float32Array.from(sums, (sum, index) => sum + bias[index % channels]! + (withResidual ? residual[index]! : 0));
  const stored = storedMap(inputs, values, channels, { letters: withSigns ? ["A"] : [], possible: ["A"] });
  return {
    kernel: "winogradOutput",
    chunks: Math.ceil(height / 2),
    inputs: {
      height, width, channels, planeRows: tiles + gap, input: planesWithGaps(planes, gap * channels),
      bias, residual: withResidual ? residual : 0, ...stored.inputs,
    },
    outputs: { ...stored.outputs, output: { values, tolerance: 0 } },
  };
}

export interface NormalizationGeometry extends MapSize {
  readonly groups: number;
  readonly perGroup: number;
  /** Of the values' distribution. */
  readonly mean: number;
}

export function groupStatisticsCase(inputs: Inputs, { height, width, channels, groups, perGroup, mean }: NormalizationGeometry): KernelCase {
  const map = inputs.map(height, width, channels, inputs.random.normalArray(height * width * channels, mean));
  const values = reference.rowStatistics(map, groups, perGroup);
  // Sums of `width` float32 numbers each, below 6 from the mean. The error of the mean, squared, is in the squares as well.
  const meanError = width * 2 ** -24 * (Math.abs(mean) + 6);
  const tolerance = meanError + width * perGroup * (meanError ** 2 + 36 * width * 2 ** -24);
  return {
    kernel: "groupStatistics",
    chunks: height,
    inputs: { width, channels, groups, perGroup, input: map.data },
    outputs: { statistics: { values, tolerance } },
  };
}

export function groupCoefficientsCase(inputs: Inputs, { height: rows, width, channels, groups, perGroup, mean }: NormalizationGeometry): KernelCase {
  const map = inputs.map(rows, width, channels, inputs.random.normalArray(rows * width * channels, mean));
  const statistics = reference.rowStatistics(map, groups, perGroup);
  const [scale, shift] = [inputs.floats(channels), inputs.floats(channels)];
  const size = { rows, width, channels, groups, perGroup };
  const values = Float32Array.from(reference.groupCoefficients(statistics, size, scale, shift));
  // The last bit of float32.
  const tolerance = 2 ** -23 * values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return { kernel: "groupCoefficients", chunks: 1, inputs: { ...size, statistics, scale, shift }, outputs: { coefficients: { values, tolerance } } };
}

export function packMaskCase(inputs: Inputs, { height, width, channels: classes }: MapSize): KernelCase {
  const input = inputs.floats(height * width * classes);
  const values = reference.packSigns(reference.maskSigns(input, classes));
  return { kernel: "packMask", chunks: height, inputs: { width, classes, input }, outputs: { output: { values } } };
}

interface StemGeometry extends MapSize {
  /** In multiples of 4. */
  readonly classes: number;
}

export function stemCase(inputs: Inputs, { height, width, channels, classes }: StemGeometry): KernelCase {
  const mask = inputs.map(height, width, classes, inputs.signs(height * width * classes));
  const weights = inputs.floats(9 * classes * channels);
  const base = inputs.map(height, width, channels);
  const tables = reference.stemTables(weights, classes, channels);
  const chosen = { ...mask, data: mask.data.map((sign) => (sign + 1) / 2) };
  const values = inputs.exact
    ? Float32Array.from(convolved(chosen, weights, new Float32Array(channels)), (sum, index) => sum + base.data[index]!)
    : reference.stem(mask, tables, base);
  const stored = storedMap(inputs, values, channels, { letters: ["A"], possible: ["A"] });
  return {
    kernel: "stem",
    chunks: height,
    inputs: { height, width, channels, mask: reference.packSigns(mask.data), nibbles: classes / 4, tables, base: base.data, ...stored.inputs },
    outputs: stored.outputs,
  };
}
