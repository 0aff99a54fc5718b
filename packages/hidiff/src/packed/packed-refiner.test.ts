import { Generator } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import { readFixture } from "../refiner/golden-sources.ts";
import { type RefinerGoldenConfiguration, refinerInputs, refinerSubject } from "../refiner/golden-support.ts";
import type { Refiner, RefinerOptions } from "../refiner/refiner.ts";
import { compileRefiner, toCompiledRefiner } from "./compile-refiner.ts";
import { type CompiledRefiner, decodeCompiledRefiner, encodeCompiledRefiner } from "./compiled-refiner.ts";
import { PackedRefiner, type PackedRefinerOptions } from "./packed-refiner.ts";
import { compareBlocks, type ComparedInputs, graphOutput, randomInputs, randomRefiner, withNoise } from "./testing/graph-comparison.ts";

beforeAll(useTestBackend);

const steps = [0, 4, 9];
const small: RefinerOptions = { imageChannels: 1, classes: 1, featureChannels: [4, 6, 8, 10], baseWidth: 8 };

async function withPacked<T>(refiner: Refiner, options: PackedRefinerOptions & { readonly steps?: readonly number[] }, use: (packed: PackedRefiner) => T): Promise<T> {
  const packed = await compileRefiner(refiner, { steps, ...options });
  try {
    return use(packed);
  } finally {
    packed.dispose();
  }
}

/** All blocks agree with the graph, given the same signs; and signs differ only next to their thresholds. */
async function expectSameBlocks(refiner: Refiner, inputs: ComparedInputs, t: number): Promise<void> {
  await withPacked(refiner, { keepsMaps: true, threads: 2, steps: [t] }, (packed) => {
    const { largestMargin, errors, outputError } = compareBlocks(refiner, packed, inputs, t);
    // Both add some thousand products in float32, in different orders, behind up to thirty blocks.
    expect(largestMargin).toBeLessThan(1e-4);
    expect(errors.size).toBeGreaterThan(20);
    for (const [block, error] of errors) expect(error, block).toBeLessThan(1e-4);
    expect(outputError).toBeLessThan(1e-4);
  });
}

describe("block by block, with the same signs, the packed engine is the graph", () => {
  it("on the golden configuration", async () => {
    const { configuration } = readFixture<RefinerGoldenConfiguration>("refiner_k4_s64_binary");
    const { module } = refinerSubject(configuration, "binary");
    const { image, prior, yt, features, t } = refinerInputs(configuration);
    const [images, height, width] = image.shape;
    for (let index = 0; index < images; index++) {
      const part = (values: Float32Array): Float32Array => values.slice((index * values.length) / images, ((index + 1) * values.length) / images);
      const data = (map: { dataSync(): unknown }): Float32Array => part(map.dataSync() as Float32Array);
      const inputs = { height, width, images: 1, image: data(image), prior: data(prior), yt: data(yt), features: features.map(data) as unknown as ComparedInputs["features"] };
      await withPacked(module, { keepsMaps: true, steps: [t[index]!] }, (packed) => {
        const { largestMargin, errors, outputError } = compareBlocks(module, packed, inputs, t[index]!);
        expect(largestMargin).toBeLessThan(1e-4);
        for (const [block, error] of errors) expect(error, block).toBeLessThan(1e-4);
        expect(outputError).toBeLessThan(1e-4);
      });
    }
    module.dispose();
  });

  const cases = Array.from({ length: 12 }, (_, seed) => {
    const generator = new Generator(`case ${seed}`);
    const pick = <T>(values: readonly T[]): T => values[generator.integer(values.length)]!;
    const options: RefinerOptions = {
      imageChannels: pick([1, 2, 3, 4]),
      classes: pick([1, 2, 3, 5, 9]),
      featureChannels: [pick([3, 4, 7]), pick([8, 12]), pick([6, 32]), pick([16, 33])],
      baseWidth: pick([4, 8, 12, 20, 32]),
      crossTransformer: generator.uniform() < 0.7,
      tokenOrder: pick(["spatial", "published"]),
      head: pick(["sigmoid", "linear"]),
    };
    return { seed, options, height: pick([32, 64, 96]), width: pick([32, 64, 160]), t: pick(steps) };
  });

  it.each(cases)("random network $seed: $options.baseWidth channels, $options.classes classes, $height×$width, t = $t", async ({ seed, options, height, width, t }) => {
    const refiner = randomRefiner(options, seed);
    await expectSameBlocks(refiner, randomInputs(options, height, width, 1, seed), t);
    refiner.dispose();
  });

  it.each([0, 1, -1])("inputs that are %i everywhere", async (value) => {
    const refiner = randomRefiner(small, 1);
    const { features, ...rest } = randomInputs(small, 64, 32, 1, 1);
    const constant = (values: Float32Array): Float32Array => values.map(() => value);
    const probability = rest.prior.map(() => (value === 1 ? 1 : 0));
    const inputs = { ...rest, image: constant(rest.image), prior: probability, yt: probability, features: features.map(constant) as unknown as ComparedInputs["features"] };
    await expectSameBlocks(refiner, inputs, 4);
    refiner.dispose();
  });
});

it("is no further from the graph than the graph is from itself with noise of 1e-6 in its inputs", async () => {
  const distances: { packed: number; noise: number }[] = [];
  for (let seed = 0; seed < 6; seed++) {
    const options: RefinerOptions = { ...small, classes: 3, baseWidth: 32, head: "linear" };
    const refiner = randomRefiner(options, seed);
    const inputs = randomInputs(options, 64, 64, 1, seed);
    const expected = graphOutput(refiner, inputs, 4);
    const found = await withPacked(refiner, {}, (packed) => {
      packed.prepare(inputs);
      return packed.step(inputs.yt, 4);
    });
    distances.push({ packed: distance(found, expected), noise: distance(graphOutput(refiner, withNoise(inputs, 1e-6, seed), 4), expected) });
    refiner.dispose();
  }
  // Where no sign flips, the distance is what float32 rounds: two backends of the graph are 1e-5 … 3e-5 apart on these
  // networks, since their sums of products round. Where one flips, it outweighs that by far. So medians are compared,
  // above what is rounding.
  const median = (key: "packed" | "noise"): number => distances.map((found) => found[key]).sort((a, b) => a - b)[3]!;
  expect(median("packed")).toBeLessThanOrEqual(Math.max(median("noise"), 5e-5));
});

/** Relative to the expected values. */
function distance(values: Float32Array, expected: Float32Array): number {
  const squares = (map: Float32Array): number => map.reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(squares(values.map((value, index) => value - expected[index]!)) / squares(expected));
}

describe("several images, chains and threads", () => {
  const options: RefinerOptions = { ...small, classes: 2, imageChannels: 3 };
  const refiner = (): Refiner => randomRefiner(options, 5);

  it("gives each image's result whatever stands beside it, and each chain its image", async () => {
    const network = refiner();
    const inputs = randomInputs(options, 32, 64, 3, 2);
    const part = (values: Float32Array, index: number): Float32Array => values.slice((index * values.length) / 3, ((index + 1) * values.length) / 3);
    await withPacked(network, { threads: 2 }, (packed) => {
      expect(packed.prepare(inputs)).toBe(3);
      const twice = new Float32Array([...inputs.yt, ...inputs.yt.map((bit) => 1 - bit)]);
      const together = packed.step(twice, 9);
      const size = inputs.yt.length / 3;
      for (let index = 0; index < 3; index++) {
        packed.prepare({ ...inputs, image: part(inputs.image, index), prior: part(inputs.prior, index), features: inputs.features.map((map) => part(map, index)) as unknown as ComparedInputs["features"] });
        expect(packed.step(part(inputs.yt, index), 9)).toEqual(together.slice(index * size, (index + 1) * size));
        expect(packed.step(part(inputs.yt, index).map((bit) => 1 - bit), 9)).toEqual(together.slice((index + 3) * size, (index + 4) * size));
      }
    });
    network.dispose();
  });

  it("does not depend on threads or SIMD", async () => {
    const network = refiner();
    const inputs = randomInputs(options, 64, 64, 2, 3);
    const outputs = [];
    for (const setting of [{ threads: 1 }, { threads: 2 }, { threads: 5 }, { threads: 2, simd: "plain" }] as const) {
      outputs.push(await withPacked(network, setting, (packed) => {
        packed.prepare(inputs);
        return steps.flatMap((t) => [...packed.step(inputs.yt, t)]);
      }));
    }
    for (const output of outputs) expect(output).toEqual(outputs[0]);
    network.dispose();
  });

  it("reserves memory once for a size, and gives the same after another size", async () => {
    const network = refiner();
    const [first, other] = [randomInputs(options, 64, 64, 2, 3), randomInputs(options, 32, 96, 1, 4)];
    await withPacked(network, { threads: 2 }, (packed) => {
      packed.prepare(first);
      const output = packed.step(first.yt, 4);
      const { memoryBytes } = packed.resources;
      packed.prepare(randomInputs(options, 64, 64, 2, 8));
      packed.step(first.yt, 9);
      expect(packed.resources.memoryBytes).toBe(memoryBytes);
      packed.prepare(other);
      packed.step(other.yt, 0);
      packed.prepare(first);
      expect(packed.step(first.yt, 4)).toEqual(output);
      expect(packed.resources.memoryBytes).toBe(memoryBytes);
    });
    network.dispose();
  });
});

describe("errors", () => {
  it("of compilation", async () => {
    const real = randomRefiner({ ...small, precision: "real" }, 1);
    await expect(compileRefiner(real, { steps })).rejects.toMatchObject({ code: "packed.precision" });
    real.dispose();
    const refiner = randomRefiner(small, 1);
    for (const wrong of [[], [1, 1], [-1], [0.5]]) await expect(compileRefiner(refiner, { steps: wrong })).rejects.toMatchObject({ code: "packed.steps" });
    refiner.dispose();
  });

  it("of inputs", async () => {
    const refiner = randomRefiner(small, 1);
    const inputs = randomInputs(small, 32, 32, 1, 1);
    await withPacked(refiner, { threads: 1 }, (packed) => {
      const code = (action: () => unknown): string => {
        try {
          action();
        } catch (error) {
          return (error as { code: string }).code;
        }
        return "none";
      };
      expect(code(() => packed.step(inputs.yt, 4))).toBe("packed.input");
      expect(code(() => packed.prepare({ ...inputs, height: 33 }))).toBe("refiner.size");
      expect(code(() => packed.prepare({ ...inputs, image: new Float32Array(5) }))).toBe("packed.input");
      expect(code(() => packed.prepare({ ...inputs, prior: new Float32Array(5) }))).toBe("packed.input");
      packed.prepare(inputs);
      expect(code(() => packed.step(inputs.yt, 5))).toBe("packed.step");
      expect(code(() => packed.step(new Float32Array(7), 4))).toBe("packed.input");
      expect(code(() => packed.step(new Float32Array(0), 4))).toBe("packed.input");
    });
    refiner.dispose();
  });
});

describe("the compiled form", () => {
  const options: RefinerOptions = { ...small, featureChannels: [5, 6, 8, 32] };
  function compiled(): CompiledRefiner {
    const refiner = randomRefiner(options, 2);
    const result = toCompiledRefiner(refiner, steps);
    refiner.dispose();
    return result;
  }

  it("computes the same after being written and read, and is smaller than the refiner", async () => {
    const refiner = randomRefiner(options, 2);
    const inputs = randomInputs(options, 32, 32, 1, 1);
    const bytes = encodeCompiledRefiner(toCompiledRefiner(refiner, [4]));
    const expected = await withPacked(refiner, {}, (packed) => (packed.prepare(inputs), packed.step(inputs.yt, 4)));
    const read = await PackedRefiner.create(decodeCompiledRefiner(bytes, "test"));
    read.prepare(inputs);
    expect(read.step(inputs.yt, 4)).toEqual(expected);
    read.dispose();
    expect(bytes.length).toBeLessThan([...refiner.stateDict().values()].reduce((sum, { data }) => sum + data.byteLength, 0));
    refiner.dispose();
  });

  it("is refused with a clear error where it is damaged or lacks something", async () => {
    const whole = compiled();
    const bytes = encodeCompiledRefiner(whole);
    const load = async (content: Uint8Array): Promise<void> => (await PackedRefiner.create(decodeCompiledRefiner(content, "model"), { threads: 1 })).dispose();
    const generator = new Generator("damage");
    for (let index = 0; index < 60; index++) {
      await expect(load(bytes.slice(0, generator.integer(bytes.length))), "truncated").rejects.toMatchObject({ code: expect.stringMatching(/^(safetensors|packed)\./) });
    }
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    for (let index = 0; index < 200; index++) {
      const damaged = bytes.slice();
      damaged[8 + generator.integer(headerLength)]! ^= 1 << generator.integer(8);
      // A flip in a name that nobody asks for, or in white space, does no harm; everything else is told.
      await load(damaged).catch((error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/^(safetensors|packed)\./) }));
    }
    for (const name of whole.tensors.keys()) {
      const tensors = new Map(whole.tensors);
      tensors.delete(name);
      await expect(load(encodeCompiledRefiner({ ...whole, tensors })), name).rejects.toMatchObject({ code: "packed.format", message: expect.stringContaining(name) });
    }
    const [name, { data }] = [...whole.tensors].find(([key]) => key === "encoder1.weight")!;
    for (const changed of [{ shape: [data.length], data }, { shape: whole.tensors.get(name)!.shape, data: new Float32Array(data.length) }]) {
      await expect(load(encodeCompiledRefiner({ ...whole, tensors: new Map([...whole.tensors, [name, changed]]) }))).rejects.toMatchObject({ code: "packed.format" });
    }
    await expect(load(encodeCompiledRefiner({ ...whole, steps: [] }))).rejects.toMatchObject({ code: "packed.format" });
  });
});
