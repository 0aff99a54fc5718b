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
  normalizedSiluCase,
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
    cases[`means of pairs of inputs of no multiple of 8 channels${name}`] = { shortcut: "pairMean", upsampled, outChannels: 8, inChannels: [4, 12], shortcutChannels: [4, 12] };
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
    cases[`3×3×${channels}, ${(9 * channels) / 4} nibbles`] = { inChannels: [channels], inHeight: 2, inWidth: 3, outChannels: 48 };
    for (const weight of [1, -1] as const) {
      cases[`3×3×${channels} of signs that all ${weight === 1 ? "agree" : "differ"}`] = { inChannels: [channels], inHeight: 2, inWidth: 3, outChannels: 48, extreme: [1, weight] };
    }
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
    [1, 1, 2, 4, 1],
    [1, 5, 4, 8, 6],
    [1, 6, 8, 12, 6],
    [2, 7, 4, 16, 3],
    [3, 13, 10, 20, 12],
    [16, 4, 32, 32, 4],
  ])("%i products of %i rows, depth %i and %i columns, %i rows in a chunk", (products, rows, depth, columns, rowsPerChunk) => {
    for (const withBias of [true, false]) expectRight((inputs) => matrixProductCase(inputs, { products, rows, depth, columns, rowsPerChunk, withBias }));
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
  // Tiles are taken 32 at once: widths up to 64 are one turn.
  it.each([
    [1, 1, 4, 1],
    [1, 6, 4, 2],
    [5, 1, 8, 3],
    [4, 4, 8, 4],
    [3, 7, 12, 5],
    [6, 5, 32, 9],
    [2, 63, 4, 1],
    [2, 64, 4, 4],
    [2, 65, 4, 8],
    [3, 131, 4, 6],
  ])("%i×%i pixels, %i → %i channels", (height, width, inChannels, outChannels) => {
    for (const withSigmoid of [true, false]) expectRight((inputs) => winogradConvolutionCase(inputs, { height, width, inChannels, outChannels, withSigmoid }));
  });

  it("has a sigmoid on the whole range", () => {
    // Multiples of 1/64, so that the convolution is exact; one of four channels goes through.
    const values = Float32Array.from({ length: 16001 }, (_, index) => (index - 8000) / 64);
    const filter = new Float32Array(36).fill(1, 16, 17);
    const input = new Float32Array(4 * values.length);
    values.forEach((value, index) => (input[4 * index] = value));
    const size = { height: 1, width: values.length, inChannels: 4, outChannels: 1 };
    const { output } = benches[0]!.run({
      kernel: "winogradConvolution",
      chunks: 1,
      inputs: { ...size, activation: 1, input, weights: winogradFilter(filter, 4, 1, 4), bias: kernelVector([0]) },
      outputs: { output: { values } },
    });
    expect(output!).toBeAllClose(Float64Array.from(values, (value) => 1 / (1 + Math.exp(-value))), { relative: 4e-7, absolute: 1e-38 });
    expect(output!.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

describe("Winograd's convolution", () => {
  it.each(sizes)("transforms %i×%i pixels of %i channels", (height, width, channels) => {
    expectRight((inputs) => winogradInputCase(inputs, { height, width, channels }));
    for (const withSigns of [true, false]) {
      for (const withResidual of [true, false]) {
        expectRight((inputs) => winogradOutputCase(inputs, { height, width, channels, withResidual, withSigns }));
      }
    }
  });

  it.each(sizes)("is a 3×3 convolution with zero padding of %i×%i pixels of %i channels", (height, width, inChannels) => {
    for (const exact of [true, false]) {
      const inputs = new Inputs(new Generator(2), exact);
      const outChannels = 12;
      const tiles = Math.ceil(height / 2) * Math.ceil(width / 2);
      const map = inputs.map(height, width, inChannels);
      const [filter, bias, residual] = [inputs.floats(9 * inChannels * outChannels), inputs.floats(outChannels), inputs.floats(height * width * outChannels)];
      const thresholds = inputs.floats(outChannels);
      const run = (kernelCase: KernelCase) => benches[0]!.run(kernelCase)["output"] as Float32Array;
      const [rows, size] = [Math.ceil(height / 2), { height, width }];
      const transformed = run({
        kernel: "winogradInput",
        chunks: rows,
        inputs: { ...size, channels: inChannels, input: map.data },
        outputs: { output: { values: new Float32Array(16 * tiles * inChannels) } },
      });
      const products = run({
        kernel: "matrixProduct",
        chunks: 16 * Math.ceil(tiles / 5),
        inputs: { rows: tiles, depth: inChannels, columns: outChannels, rowsPerChunk: 5, input: transformed, weights: winogradFilter(filter, inChannels, outChannels, inChannels), bias: 0 },
        outputs: { output: { values: new Float32Array(16 * tiles * outChannels) } },
      });
      const { output, bitsA } = benches[0]!.run({
        kernel: "winogradOutput",
        chunks: rows,
        inputs: { ...size, channels: outChannels, input: products, bias, residual, thresholdA: thresholds },
        outputs: { output: { values: residual }, bitsA: { values: new Uint8Array(residual.length / 4) } },
      });
      const expected = convolved(map, filter, bias).map((sum, index) => sum + residual[index]!);
      expect(output!).toBeAllClose(expected, { absolute: exact ? 0 : winogradTolerance(inChannels) });
      expect(bitsA).toEqual(reference.packSigns(reference.signsAbove(output as Float32Array, thresholds)));
    }
  });
});

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

  it.each(geometries)("normalizes $height×$width×$channels in $groups groups around $mean", ({ height, width, channels, groups, perGroup, mean }) => {
    const random = new Generator(3);
    const data = random.normalArray(height * width * channels, mean);
    const [scale, shift] = [random.normalArray(channels), random.normalArray(channels)];
    const run = (kernelCase: KernelCase) => Object.values(benches[0]!.run(kernelCase))[0]!;
    const size = { width, channels, groups, perGroup };
    const statistics = run({
      kernel: "groupStatistics",
      chunks: height,
      inputs: { ...size, input: data },
      outputs: { statistics: { values: new Float64Array(2 * height * groups) } },
    });
    const coefficients = run({
      kernel: "groupCoefficients",
      chunks: 1,
      inputs: { ...size, rows: height, statistics, scale, shift },
      outputs: { coefficients: { values: new Float32Array(2 * channels) } },
    });
    const output = run({ kernel: "normalizedSilu", chunks: height, inputs: { width, channels, input: data, coefficients }, outputs: { output: { values: data } } });
    const expected = new Float64Array(data.length);
    for (let group = 0; group < groups; group++) {
      const own = [...data.keys()].filter((index) => Math.floor((index % channels) / perGroup) === group);
      const average = (numbers: number[]): number => numbers.reduce((sum, value) => sum + value, 0) / own.length;
      const centre = average(own.map((index) => data[index]!));
      const deviation = Math.sqrt(average(own.map((index) => (data[index]! - centre) ** 2)) + 1e-5);
      for (const index of own) {
        const normalized = ((data[index]! - centre) / deviation) * scale[index % channels]! + shift[index % channels]!;
        expected[index] = normalized / (1 + Math.exp(-normalized));
      }
    }
    // Factor times value is rounded, and the sums of `width` values before: relative to the values, not to their deviations.
    expect(output).toBeAllClose(expected, { absolute: 2 ** -20 * (Math.abs(mean) + 6) });
  });
});

describe("normalizedSilu", () => {
  it.each(sizes)("%i×%i pixels, %i channels", (height, width, channels) => {
    expectRight((inputs) => normalizedSiluCase(inputs, { height, width, channels }));
  });

  it("is SiLU on the whole range", () => {
    const input = Float32Array.from({ length: 20004 }, (_, index) => (index - 10002) / 80);
    const identity = new Float32Array(8).fill(1, 0, 4);
    const { output } = benches[0]!.run({
      kernel: "normalizedSilu",
      chunks: 1,
      inputs: { width: input.length / 4, channels: 4, input, coefficients: identity },
      outputs: { output: { values: input } },
    });
    // The exponential function's 2e−7, the sum's and the quotient's last bits; the function ends at exp(88).
    expect(output!).toBeAllClose(Float64Array.from(input, (value) => value / (1 + Math.exp(-value))), { relative: 4e-7, absolute: 1e-36 });
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
