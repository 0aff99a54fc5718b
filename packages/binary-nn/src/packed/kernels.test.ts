import { Generator } from "@hidiff/core-tensor/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kernelVector, winogradFilter } from "./float-weights.ts";
import type { KernelName } from "./engine.ts";
import { kernelParameters } from "./kernels.generated.ts";
import { difference, type KernelCase, sameBytes, TestBench } from "./testing/test-bench.ts";
import {
  affineCase,
  attentionCase,
  type BinaryConvolutionGeometry,
  binaryConvolutionCase,
  convolved,
  feedForwardSumCase,
  floatConvolutionCase,
  groupCoefficientsCase,
  groupStatisticsCase,
  Inputs,
  type Letter,
  matrixProductCase,
  packMaskCase,
  reinterpretCase,
  stemCase,
  winogradConvolutionCase,
  winogradInputCase,
  winogradOutputCase,
  winogradTolerance,
} from "./testing/cases.ts";
import * as reference from "./testing/reference.ts";

const benches: TestBench[] = [];
const tested = new Set<KernelName>();

beforeAll(async () => {
  for (const simd of ["plain", "relaxed"] as const) for (const threads of [1, 3]) benches.push(await TestBench.create({ simd, threads }));
});

afterAll(() => benches.forEach((bench) => bench.dispose()));

/** Runs a case, with exact and with other numbers, on all benches: all must give the same bits, which must be right. */
function expectRight(caseOf: (inputs: Inputs) => KernelCase): void {
  for (const exact of [true, false]) {
    const kernelCase = caseOf(new Inputs(new Generator(1), exact));
    tested.add(kernelCase.kernel);
    const [first, ...others] = benches.map((bench) => bench.run(kernelCase));
    expect(difference(kernelCase.outputs, first!)).toBeUndefined();
    others.forEach((results, index) => {
      const same = Object.keys(results).every((name) => sameBytes(results[name]!, first![name]!));
      expect(same, `${benches[index + 1]!.name} gives what ${benches[0]!.name} gives`).toBe(true);
    });
  }
}

describe("binaryConvolution", () => {
  const usual: BinaryConvolutionGeometry = { inHeight: 4, inWidth: 4, inChannels: [8], outChannels: 16 };
  const cases: Record<string, Partial<BinaryConvolutionGeometry>> = {};
  for (const [inHeight, inWidth] of [[1, 1], [1, 2], [2, 1], [1, 5], [5, 1], [3, 7], [4, 6]] as const) {
    const size = { inHeight, inWidth };
    cases[`3×3 at ${inHeight}×${inWidth}`] = { ...size, shortcut: "same" };
    cases[`3×3 at ${inHeight}×${inWidth}, stride 2`] = { ...size, stride: 2 };
    cases[`3×3 at ${inHeight}×${inWidth}, upsampled`] = { ...size, upsampled: true, shortcut: "same" };
    cases[`3×3 at ${inHeight}×${inWidth}, upsampled, stride 2`] = { ...size, upsampled: true, stride: 2 };
    cases[`1×1 at ${inHeight}×${inWidth}`] = { ...size, kernelSize: 1, shortcut: "tile" };
    cases[`1×1 at ${inHeight}×${inWidth}, stride 2`] = { ...size, kernelSize: 1, stride: 2 };
    cases[`1×1 at ${inHeight}×${inWidth}, upsampled`] = { ...size, kernelSize: 1, upsampled: true, shortcut: "same" };
  }
  for (const outChannels of [4, 8, 12, 16, 20, 32, 36, 48, 52, 64, 68, 96, 100]) {
    cases[`${outChannels} output channels`] = { outChannels, inWidth: 3, shortcut: "same" };
  }
  for (const channels of [4, 8, 12, 16, 20, 28, 32, 36, 68]) {
    cases[`${channels} input channels`] = { inChannels: [channels], inWidth: 3 };
    cases[`${channels} input channels, 1×1, whose run is ${(channels / 4) % 3} above a multiple of 3`] = { inChannels: [channels], inWidth: 3, kernelSize: 1 };
    cases[`inputs of ${channels} and 12 channels`] = { inChannels: [channels, 12], inWidth: 5 };
    cases[`inputs of 4 and ${channels} channels, 1×1`] = { inChannels: [4, channels], kernelSize: 1 };
  }
  for (const upsampled of [false, true]) {
    const name = upsampled ? ", upsampled" : "";
    cases[`means of pairs${name}`] = { shortcut: "pairMean", upsampled, inChannels: [32] };
    cases[`means of pairs of two inputs${name}`] = { shortcut: "pairMean", upsampled, inChannels: [24, 8], shortcutChannels: [24, 8] };
    const uneven = [4, 12];
    cases[`means of pairs of inputs of ${uneven} channels${name}`] = { shortcut: "pairMean", upsampled, outChannels: 8, inChannels: uneven, shortcutChannels: uneven };
  }
  for (const [height, width] of [[2, 2], [4, 6], [2, 10]] as const) {
    cases[`means of 2×2 pixels at ${height}×${width}`] = { inHeight: height, inWidth: width, stride: 2, shortcut: "pool" };
    cases[`means of 2×2 pixels, twice, at ${height}×${width}`] = { inHeight: height, inWidth: width, stride: 2, shortcut: "pool", shortcutChannels: [8] };
  }
  cases["four copies"] = { kernelSize: 1, outChannels: 48, shortcut: "tile", shortcutChannels: [12] };
  cases["means of four channels"] = { kernelSize: 1, inChannels: [48], outChannels: 12, shortcut: "quadMean" };
  for (const letters of [[], ["A"], ["B"], ["A", "B"]] as const) {
    for (const store of [true, false]) cases[`floats: ${store}, signs: [${letters}]`] = { letters, store, shortcut: "same" };
  }
  // Sums of 60 nibbles are separated together: below, at and above that, and several times.
  for (const channels of [20, 24, 28, 52, 56, 256, 512]) {
    const geometry = { inChannels: [channels], inHeight: 2, inWidth: 3, outChannels: 48 };
    cases[`3×3×${channels}, ${(9 * channels) / 4} nibbles`] = geometry;
    cases[`3×3×${channels} of signs that all agree`] = { ...geometry, extreme: [1, 1] };
    cases[`3×3×${channels} of signs that all differ`] = { ...geometry, extreme: [1, -1] };
  }
  for (const channels of [236, 240, 244, 480, 16384]) {
    cases[`1×1×${channels}`] = { inChannels: [channels], kernelSize: 1, inHeight: 1, inWidth: 3 };
    cases[`1×1×${channels} of signs that all differ`] = { inChannels: [channels], kernelSize: 1, inHeight: 1, inWidth: 3, extreme: [-1, 1] };
  }
  it.each(Object.entries(cases))("%s", (_, geometry) => {
    expectRight((inputs) => binaryConvolutionCase(inputs, { ...usual, ...geometry }));
  });
});

describe("affine", () => {
  const letterSets: readonly (readonly Letter[])[] = [[], ["A"], ["C"], ["A", "B"], ["A", "B", "C"]];
  it.each(letterSets.map((letters) => [letters]))("signs by the thresholds %s, with and without residual and floats", (letters) => {
    for (const withResidual of [true, false]) {
      for (const store of [true, false]) {
        expectRight((inputs) => affineCase(inputs, { tokens: 7, channels: 12, tokensPerChunk: 3, withResidual, store, letters }));
      }
    }
  });

  it.each([[1, 1], [6, 3], [5, 8], [9, 4]])("%i tokens, %i in a chunk", (tokens, tokensPerChunk) => {
    expectRight((inputs) => affineCase(inputs, { tokens, channels: 4, tokensPerChunk, withResidual: true, store: true, letters: ["A", "B", "C"] }));
  });
});

describe("attention", () => {
  it.each([
    [1, 4, 1],
    [2, 8, 2],
    [5, 16, 4],
    [12, 64, 1],
    [9, 68, 1],
    [4, 120, 2],
    [6, 256, 4],
    [7, 272, 2],
  ])("%i tokens, %i channels, %i heads", (tokens, channels, heads) => {
    expectRight((inputs) => attentionCase(inputs, { tokens, channels, heads }));
  });

  it("gives a tie no attention", () => {
    // Scores of 40 channels: 40, then 14 = 0.35 · 40, then 16.
    const [tokens, channels] = [3, 40];
    const query = new Float32Array(tokens * channels).fill(1);
    const key = query.slice().fill(-1, channels, channels + 13).fill(-1, 2 * channels, 2 * channels + 12);
    const value = Float32Array.from({ length: tokens * channels }, (_, index) => (index < channels ? 1 : Math.floor(index / channels) === 1 ? 1 : -1));
    expectRight((inputs) => attentionCase(inputs, { tokens, channels, heads: 1 }, [query, key, value]));
    expect([...new Set(reference.attentionContext(query, key, value, { tokens, channels, heads: 1 }))]).toEqual([0]);
  });

  it("attends to nothing where all scores are below 0, and to all equal ones above", () => {
    const [tokens, channels] = [3, 8];
    const all = (sign: number): Float32Array => new Float32Array(tokens * channels).fill(sign);
    for (const [sign, sum] of [[-1, 0], [1, tokens]] as const) {
      expectRight((inputs) => attentionCase(inputs, { tokens, channels, heads: 2 }, [all(1), all(sign), all(1)]));
      expect([...new Set(reference.attentionContext(all(1), all(sign), all(1), { tokens, channels, heads: 2 }))]).toEqual([sum]);
    }
  });
});

/** Sizes with all borders, of any number of channels that is a multiple of 4. */
const sizes: readonly (readonly [height: number, width: number, channels: number])[] = [
  [1, 1, 4],
  [1, 6, 8],
  [5, 1, 12],
  [2, 3, 4],
  [7, 7, 20],
  [4, 8, 32],
];

describe("feedForwardSum", () => {
  it.each(sizes)("%i×%i tokens, %i channels", (height, width, channels) => {
    expectRight((inputs) => feedForwardSumCase(inputs, { height, width, channels }));
  });
});

describe("reinterpret", () => {
  it.each([
    [1, 4],
    [6, 4],
    [4, 12],
  ])("%i tokens, %i channels", (tokens, channels) => {
    expectRight((inputs) => reinterpretCase(inputs, tokens, channels));
  });
});

describe("matrixProduct", () => {
  it.each([
    [1, 1, 4, 4, 1],
    [1, 5, 4, 8, 6],
    [1, 6, 8, 12, 6],
    [2, 7, 4, 16, 3],
    [3, 13, 12, 20, 12],
    [16, 4, 32, 32, 4],
  ])("%i products of %i rows, depth %i and %i columns, %i rows in a chunk", (products, rows, depth, columns, rowsPerChunk) => {
    for (const gap of [0, 1, 3]) {
      for (const withBias of [true, false]) expectRight((inputs) => matrixProductCase(inputs, { products, rows, gap, depth, columns, rowsPerChunk, withBias }));
    }
  });
});

describe("floatConvolution", () => {
  it.each([
    [1, 1, 4, 4],
    [1, 5, 4, 8],
    [4, 1, 8, 4],
    [3, 7, 12, 20],
    [2, 13, 4, 16],
    [3, 4, 32, 12],
  ])("%i×%i pixels, %i → %i channels", (height, width, inChannels, outChannels) => {
    expectRight((inputs) => floatConvolutionCase(inputs, { height, width, inChannels, outChannels }));
  });
});

describe("winogradConvolution", () => {
  // Widths of up to 32 or 64 are 16 or 32 tiles.
  it.each([
    [1, 1, 4, 1],
    [1, 6, 4, 2],
    [5, 1, 8, 3],
    [4, 4, 8, 4],
    [3, 7, 12, 5],
    [6, 5, 32, 9],
    [9, 3, 4, 12],
    ...[31, 32, 33, 63, 64, 65].map((width): [number, number, number, number] => [2, width, 4, 4]),
    [3, 131, 4, 6],
  ])("%i×%i pixels, %i → %i channels", (height, width, inChannels, outChannels) => {
    for (const normalized of [true, false]) {
      for (const withSigmoid of [true, false]) {
        expectRight((inputs) => winogradConvolutionCase(inputs, { height, width, inChannels, outChannels, normalized, withSigmoid }));
      }
    }
  });
});

describe("Winograd's convolution", () => {
  it.each(sizes)("transforms %i×%i pixels of %i channels", (height, width, channels) => {
    for (const gap of [0, 1, 5]) {
      for (const normalized of [true, false]) expectRight((inputs) => winogradInputCase(inputs, { height, width, channels, normalized, gap }));
      for (const withSigns of [true, false]) {
        for (const withResidual of [true, false]) {
          expectRight((inputs) => winogradOutputCase(inputs, { height, width, channels, gap, withResidual, withSigns }));
        }
      }
    }
  });

  it.each(sizes)("is a 3×3 convolution with zero padding of %i×%i pixels of %i channels", (height, width, inChannels) => {
    for (const exact of [true, false]) {
      const inputs = new Inputs(new Generator(2), exact);
      const outChannels = 12;
      const tiles = Math.ceil(height / 2) * Math.ceil(width / 2);
      const planeRows = tiles + 1;
      const map = inputs.map(height, width, inChannels);
      const [filter, bias, residual] = [inputs.floats(9 * inChannels * outChannels), inputs.floats(outChannels), inputs.floats(height * width * outChannels)];
      const thresholds = inputs.floats(outChannels);
      const transformed = floatsOf({
        kernel: "winogradInput",
        chunks: Math.ceil(height / 4),
        inputs: { height, width, channels: inChannels, planeRows, input: map.data, coefficients: 0 },
        outputs: { output: { values: new Float32Array(16 * planeRows * inChannels) } },
      });
      const products = floatsOf({
        kernel: "matrixProduct",
        chunks: 16 * Math.ceil(tiles / 5),
        inputs: {
          rows: tiles, planeRows, depth: inChannels, columns: outChannels, rowsPerChunk: 5,
          input: transformed, weights: winogradFilter(filter, inChannels, outChannels, inChannels), bias: 0,
        },
        outputs: { output: { values: new Float32Array(16 * planeRows * outChannels) } },
      });
      const { output, bitsA } = benches[0]!.run({
        kernel: "winogradOutput",
        chunks: Math.ceil(height / 2),
        inputs: { height, width, channels: outChannels, planeRows, input: products, bias, residual, thresholdA: thresholds },
        outputs: { output: { values: residual }, bitsA: { values: new Uint8Array(residual.length / 4) } },
      });
      const expected = convolved(map, filter, bias).map((sum, index) => sum + residual[index]!);
      expect(output!).toBeAllClose(expected, { absolute: exact ? 0 : winogradTolerance(map, filter, bias) });
      expect(bitsA).toEqual(reference.packSigns(reference.signsAbove(output as Float32Array, thresholds)));
    }
  });
});

/** The one output of a case, which must be floats. */
function floatsOf(kernelCase: KernelCase): Float32Array {
  return Object.values(benches[0]!.run(kernelCase))[0] as Float32Array;
}

describe("group normalization", () => {
  const geometries = [
    { height: 1, width: 1, channels: 4, groups: 1, perGroup: 4, mean: 0 },
    { height: 3, width: 5, channels: 8, groups: 8, perGroup: 1, mean: 2 },
    { height: 7, width: 4, channels: 12, groups: 3, perGroup: 4, mean: -5 },
    { height: 4, width: 9, channels: 16, groups: 3, perGroup: 5, mean: 1 },
    { height: 6, width: 33, channels: 32, groups: 4, perGroup: 8, mean: 1000 },
  ];

  it.each(geometries)("statistics and coefficients of $height×$width×$channels in $groups groups around $mean", (geometry) => {
    expectRight((inputs) => groupStatisticsCase(inputs, geometry));
    expectRight((inputs) => groupCoefficientsCase(inputs, geometry));
  });

  it.each(geometries)("of $height×$width×$channels in $groups groups around $mean, then SiLU", ({ height, width, channels, groups, perGroup, mean }) => {
    const random = new Generator(3);
    const data = random.normalArray(height * width * channels, mean);
    const [scale, shift] = [random.normalArray(channels), random.normalArray(channels)];
    const size = { width, channels, groups, perGroup };
    const { statistics } = benches[0]!.run({
      kernel: "groupStatistics",
      chunks: height,
      inputs: { ...size, input: data },
      outputs: { statistics: { values: new Float64Array(2 * height * groups) } },
    });
    const coefficients = floatsOf({
      kernel: "groupCoefficients",
      chunks: 1,
      inputs: { ...size, rows: height, statistics: statistics!, scale, shift },
      outputs: { coefficients: { values: new Float32Array(2 * channels) } },
    });
    const normalized = new Float32Array(data.length);
    for (let group = 0; group < groups; group++) {
      const own = [...data.keys()].filter((index) => Math.floor((index % channels) / perGroup) === group);
      const average = (numbers: number[]): number => numbers.reduce((sum, value) => sum + value, 0) / own.length;
      const centre = average(own.map((index) => data[index]!));
      const deviation = Math.sqrt(average(own.map((index) => (data[index]! - centre) ** 2)) + 1e-5);
      for (const index of own) {
        normalized[index] = reference.silu(((data[index]! - centre) / deviation) * scale[index % channels]! + shift[index % channels]!);
      }
    }
    const expected = reference.winogradInput({ height, width, channels, data: normalized });
    const transformed = floatsOf({
      kernel: "winogradInput",
      chunks: Math.ceil(height / 4),
      inputs: { height, width, channels, planeRows: Math.ceil(height / 2) * Math.ceil(width / 2), input: data, coefficients },
      outputs: { output: { values: new Float32Array(expected.length) } },
    });
    // Sums of four numbers; factor times value is rounded, and sums of `width` values before, relative to the values, not to their deviations.
    expect(transformed).toBeAllClose(expected, { absolute: 2 ** -18 * (Math.abs(mean) + 6) });
  });
});

describe("activations", () => {
  // Multiples of 1/64, so that Winograd's transformations are exact.
  const values = Float32Array.from({ length: 16000 }, (_, index) => (index - 8000) / 64);
  // The exponential function's 3e−7 and the last bits of its argument, up to |x| 2⁻²⁴, of the sum and of the quotient.
  const ranges = [
    { within: 8, relative: 1e-6 },
    { within: 87, relative: 6e-6 },
    { within: 125, relative: 1 },
  ];

  /** Compares an activation on all ranges. The exponential function ends at 2^126. */
  function expectActivation(results: Float32Array, activation: (value: number) => number): void {
    for (const { within, relative } of ranges) {
      const inside = [...values.keys()].filter((index) => Math.abs(values[index]!) <= within);
      const expected = inside.map((index) => activation(values[index]!));
      expect(inside.map((index) => results[index]!)).toBeAllClose(expected, { relative, absolute: 2e-36 });
    }
  }

  /** Of a pixel per number, one channel of four of which goes through a filter that changes nothing. */
  function sigmoids(numbers: Float32Array): Float32Array {
    const input = Float32Array.from({ length: 4 * numbers.length }, (_, index) => (index % 4 === 0 ? numbers[index / 4]! : 0));
    const weights = winogradFilter(new Float32Array(36).fill(1, 16, 17), 4, 1, 4);
    const size = { height: 1, width: numbers.length, inChannels: 4, outChannels: 1 };
    return floatsOf({
      kernel: "winogradConvolution",
      chunks: 1,
      inputs: { ...size, activation: 1, input, coefficients: 0, weights, bias: kernelVector([0]) },
      outputs: { output: { values: numbers } },
    });
  }

  /** Of a channel per number of a single pixel, which the sixth plane holds as it is. */
  function silus(numbers: Float32Array): Float32Array {
    const channels = numbers.length;
    const planes = floatsOf({
      kernel: "winogradInput",
      chunks: 1,
      inputs: { height: 1, width: 1, channels, planeRows: 1, input: numbers, coefficients: new Float32Array(2 * channels).fill(1, 0, channels) },
      outputs: { output: { values: new Float32Array(16 * channels) } },
    });
    return planes.subarray(5 * channels, 6 * channels);
  }

  it("are SiLU and a sigmoid on the whole range", () => {
    expectActivation(silus(values), reference.silu);
    expectActivation(sigmoids(values), reference.sigmoid);
    expect(sigmoids(values).every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it("keep NaN", () => {
    const numbers = new Float32Array(4).fill(Number.NaN);
    expect([...silus(numbers), ...sigmoids(numbers)].every(Number.isNaN)).toBe(true);
  });
});

describe("packMask", () => {
  it.each([
    [1, 1, 1],
    [2, 3, 1],
    [3, 2, 4],
    [2, 5, 5],
    [4, 1, 9],
    [1, 4, 12],
  ])("%i×%i pixels, %i classes", (height, width, channels) => {
    expectRight((inputs) => packMaskCase(inputs, { height, width, channels }));
  });
});

describe("stem", () => {
  it.each(sizes)("%i×%i pixels, %i channels", (height, width, channels) => {
    for (const classes of [4, 12]) expectRight((inputs) => stemCase(inputs, { height, width, channels, classes }));
  });
});

it("tests every kernel", () => {
  expect([...tested].sort()).toEqual(Object.keys(kernelParameters));
});
