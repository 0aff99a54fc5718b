import { Generator } from "@hidiff/core-tensor/random";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { KernelName } from "./engine.ts";
import { kernelParameters } from "./kernels.generated.ts";
import { difference, type KernelCase, TestBench } from "./testing/test-bench.ts";
import {
  affineCase,
  attentionCase,
  binaryConvolutionCase,
  feedForwardSumCase,
  floatConvolutionCase,
  groupCoefficientsCase,
  groupStatisticsCase,
  Inputs,
  type Letter,
  type MapSize,
  matrixProductCase,
  type NormalizationGeometry,
  packMaskCase,
  reinterpretCase,
  type Shortcut,
  stemCase,
  winogradConvolutionCase,
  winogradInputCase,
  winogradOutputCase,
} from "./testing/cases.ts";

const benches: TestBench[] = [];

beforeAll(async () => {
  for (const options of [{ simd: "plain", threads: 1 }, { simd: "relaxed", threads: 1 }, { simd: "relaxed", threads: 3 }] as const) {
    benches.push(await TestBench.create(options));
  }
});

afterAll(() => benches.forEach((bench) => bench.dispose()));

/** A whole number from 1 on, mostly a small one. */
function small(random: Generator, bound: number): number {
  return 1 + random.integer(1 + random.integer(bound));
}

function channelsOf(random: Generator, bound = 12): number {
  return 4 * small(random, bound);
}

function choose<T>(random: Generator, items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}

function lettersOf(random: Generator, possible: readonly Letter[]): Letter[] {
  return possible.filter(() => random.bernoulli(0.5));
}

function mapSize(random: Generator): MapSize {
  return { height: small(random, 7), width: small(random, 9), channels: channelsOf(random, 6) };
}

function normalization(random: Generator): NormalizationGeometry {
  const { height, width, channels } = mapSize(random);
  const groups = 1 + random.integer(channels);
  return { height, width, channels, groups, perGroup: Math.floor(channels / groups), mean: random.normal(0, 3) };
}

function randomBinaryConvolution(inputs: Inputs): KernelCase {
  const { random } = inputs;
  const kernelSize = choose(random, [1, 3] as const);
  const stride = choose(random, [1, 1, 2] as const);
  const upsampled = random.bernoulli(0.3);
  const inChannels = Array.from({ length: 1 + random.integer(2) }, () => channelsOf(random));
  let outChannels = channelsOf(random);
  let [inHeight, inWidth] = [small(random, 4), small(random, 6)];
  let [shortcut, shortcutChannels]: [Shortcut, number[]] = ["none", [0]];
  if (stride === 1) {
    const split = 4 * (1 + random.integer(outChannels / 2 - 1));
    [shortcut, shortcutChannels] = choose<[Shortcut, number[]]>(random, [
      ["none", [0]],
      ["same", [outChannels]],
      ["pairMean", [2 * outChannels]],
      ["pairMean", [split, 2 * outChannels - split]],
    ]);
  } else if (!upsampled && random.bernoulli(0.7)) {
    [inHeight, inWidth] = [2 * inHeight, 2 * inWidth];
    [shortcut, shortcutChannels] = ["pool", [outChannels]];
    outChannels *= small(random, 3);
  }
  if (kernelSize === 1 && random.bernoulli(0.5)) {
    [shortcut, shortcutChannels] = ["tile", [outChannels]];
    if (random.bernoulli(0.5)) outChannels *= small(random, 4);
    else [shortcut, shortcutChannels] = ["quadMean", [4 * outChannels]];
  }
  const [store, letters] = [random.bernoulli(0.7), lettersOf(random, ["A", "B"])];
  return binaryConvolutionCase(inputs, { inHeight, inWidth, inChannels, outChannels, kernelSize, stride, upsampled, shortcut, shortcutChannels, store, letters });
}

const randomCases: { readonly [K in KernelName]: (inputs: Inputs) => KernelCase } = {
  binaryConvolution: randomBinaryConvolution,
  affine: (inputs) => {
    const { random } = inputs;
    const [tokens, tokensPerChunk, channels] = [small(random, 30), small(random, 10), channelsOf(random)];
    const letters = lettersOf(random, ["A", "B", "C"]);
    return affineCase(inputs, { tokens, channels, tokensPerChunk, withResidual: random.bernoulli(0.5), store: random.bernoulli(0.5), letters });
  },
  attention: (inputs) => {
    const heads = small(inputs.random, 4);
    return attentionCase(inputs, { tokens: small(inputs.random, 12), channels: heads * channelsOf(inputs.random, 24), heads });
  },
  feedForwardSum: (inputs) => feedForwardSumCase(inputs, mapSize(inputs.random)),
  reinterpret: (inputs) => reinterpretCase(inputs, small(inputs.random, 30), channelsOf(inputs.random)),
  matrixProduct: (inputs) => {
    const { random } = inputs;
    const [products, rows, gap, rowsPerChunk] = [small(random, 4), small(random, 14), random.integer(3), small(random, 14)];
    const [depth, columns, withBias] = [channelsOf(random, 6), channelsOf(random, 6), random.bernoulli(0.5)];
    return matrixProductCase(inputs, { products, rows, gap, depth, columns, rowsPerChunk, withBias });
  },
  floatConvolution: (inputs) => {
    const { channels: inChannels, ...size } = mapSize(inputs.random);
    return floatConvolutionCase(inputs, { ...size, inChannels, outChannels: channelsOf(inputs.random, 4) });
  },
  winogradConvolution: (inputs) => {
    const { random } = inputs;
    const { channels: inChannels, height, width } = mapSize(random);
    const isWide = random.bernoulli(0.1);
    const size = { height, width: isWide ? 60 + width : width, inChannels, outChannels: small(random, 12) };
    return winogradConvolutionCase(inputs, { ...size, normalized: random.bernoulli(0.5), withSigmoid: random.bernoulli(0.5) });
  },
  winogradInput: (inputs) => {
    const { random } = inputs;
    return winogradInputCase(inputs, { ...mapSize(random), normalized: random.bernoulli(0.5), gap: random.integer(3) });
  },
  winogradOutput: (inputs) => {
    const { random } = inputs;
    const [withResidual, withSigns] = [random.bernoulli(0.5), random.bernoulli(0.5)];
    return winogradOutputCase(inputs, { ...mapSize(random), gap: random.integer(3), withResidual, withSigns });
  },
  groupStatistics: (inputs) => groupStatisticsCase(inputs, normalization(inputs.random)),
  groupCoefficients: (inputs) => groupCoefficientsCase(inputs, normalization(inputs.random)),
  packMask: (inputs) => packMaskCase(inputs, { ...mapSize(inputs.random), channels: small(inputs.random, 13) }),
  stem: (inputs) => stemCase(inputs, { ...mapSize(inputs.random), classes: channelsOf(inputs.random, 4) }),
};

const seed = 1;
const kernels = Object.keys(kernelParameters) as KernelName[];

/** What is wrong with the case of that number, which is the same whichever cases are run before. */
function failureOf(number: number): string | undefined {
  const inputs = new Inputs(new Generator(`packed kernels, seed ${seed}, case ${number}`), number % 2 === 0);
  // Every third case is a binary convolution, the others go round.
  const kernel = number % 3 === 0 ? "binaryConvolution" : kernels[Math.floor(number / 6) % kernels.length]!;
  const bench = benches[inputs.random.integer(benches.length)]!;
  const kernelCase = randomCases[kernel](inputs);
  let wrong: string | undefined;
  try {
    wrong = difference(kernelCase.outputs, bench.run(kernelCase));
  } catch (error) {
    wrong = String(error);
  }
  if (wrong === undefined) return undefined;
  const numbers = JSON.stringify(kernelCase.inputs, (_, value: unknown) => (ArrayBuffer.isView(value) ? undefined : value));
  return `seed ${seed}, case ${number}: ${kernel} on ${bench.name}: ${wrong}; ${numbers}`;
}

it("10,000 random calls of kernels give what the references give, and write nothing else", () => {
  const failures: string[] = [];
  for (let number = 0; number < 10_000 && failures.length < 5; number++) {
    const failure = failureOf(number);
    if (failure !== undefined) failures.push(failure);
  }
  expect(failures).toEqual([]);
});
