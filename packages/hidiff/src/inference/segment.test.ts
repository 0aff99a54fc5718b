import { Generator, memory } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import type { InferenceOptions } from "../config/schema.ts";
import type { HybridModel } from "../model/hybrid-model.ts";
import { compileModel } from "../packed/engine.ts";
import { PackedRefiner } from "../packed/packed-refiner.ts";
import { randomModel, tinyArchitecture, tinyInference } from "../testing/tiny.ts";
import { labelMap } from "./labels.ts";
import { type NetworkImage, type RefinementStep, segment } from "./segment.ts";

beforeAll(useTestBackend);

/** A model whose head is not zero, so that the refined mask depends on everything. */
function newModel(options: Parameters<typeof tinyArchitecture>[0] = {}): HybridModel {
  return randomModel(tinyArchitecture(options));
}

function randomImage(height: number, width: number, seed: number = 1, channels: number = 1): NetworkImage {
  return { height, width, channels, data: new Generator(seed).uniformArray(height * width * channels, -1, 1) };
}

function options(changes: Partial<InferenceOptions> & { seed?: number } = {}): InferenceOptions & { seed: number } {
  const { seed = 1, ...rest } = changes;
  return { ...tinyInference(rest), seed };
}

describe("segment", () => {
  it("crops the padding back for sides that are no multiple of 32", async () => {
    const model = newModel({ classes: 3 });
    for (const [height, width] of [[20, 50], [1, 1], [33, 32]] as const) {
      const result = await segment(model, randomImage(height, width), options());
      expect(result).toMatchObject({ height, width, classes: 3, uncertainty: undefined });
      expect([result.mask, result.priorMask].map(({ length }) => length)).toEqual([height * width, height * width]);
      for (const map of [result.probability, result.prior]) {
        expect(map).toHaveLength(height * width * 3);
        expect(map.every((value) => value >= 0 && value <= 1)).toBe(true);
      }
      expect(result.mask).toEqual(labelMap(result.probability, 3));
      expect(result.priorMask).toEqual(labelMap(result.prior, 3));
    }
    model.dispose();
  });

  it("gives the same mask for the same seed, whatever ran before, and another chain for another seed", async () => {
    const model = newModel();
    const image = randomImage(40, 40);
    const first = await segment(model, image, options({ window: 32 }));
    await segment(model, randomImage(32, 64, 2), options({ seed: 9 }));
    expect(await segment(model, image, options({ window: 32 }))).toEqual(first);
    const other = await segment(model, image, options({ window: 32, seed: 2 }));
    expect(other.prior).toEqual(first.prior);
    expect(other.probability).not.toEqual(first.probability);
    model.dispose();
  });

  it("averages its samples; the uncertainty is their variance", async () => {
    const model = newModel({ diffusion: { target: "y0" } });
    const forward = model.refiner.forward.bind(model.refiner);
    const chains: Float32Array[] = [];
    // What the network estimates at t = 0 is what a chain returns.
    model.refiner.forward = (inputs, mode) => {
      const estimate = forward(inputs, mode);
      const values = Float32Array.from(estimate.dataSync());
      if (inputs.t[0] === 0) for (let start = 0; start < values.length; start += 32 * 32) chains.push(values.slice(start, start + 32 * 32));
      return estimate;
    };
    const result = await segment(model, randomImage(32, 32), options({ samples: 3, batchSize: 2 }));
    expect(chains).toHaveLength(3);
    const mean = chains[0]!.map((_, pixel) => chains.reduce((sum, chain) => sum + chain[pixel]!, 0) / 3);
    const variance = mean.map((center, pixel) => chains.reduce((sum, chain) => sum + (chain[pixel]! - center) ** 2, 0) / 3);
    expect(Math.max(...variance)).toBeGreaterThan(1e-4);
    expect(result.probability).toBeAllClose(mean, { absolute: 1e-6 });
    // A difference of squares in float32.
    expect(result.uncertainty!).toBeAllClose(variance, { absolute: 1e-6 });
    model.dispose();
  });

  it("draws other chains at another temperature", async () => {
    const model = newModel();
    const [image, warm] = [randomImage(32, 32), options()];
    const first = await segment(model, image, warm);
    expect(await segment(model, image, { ...warm, temperature: 1 })).toEqual(first);
    const cool = await segment(model, image, { ...warm, temperature: 0.1 });
    expect(cool.prior).toEqual(first.prior);
    expect(cool.probability).not.toEqual(first.probability);
    await expect(segment(model, image, { ...warm, temperature: 0 })).rejects.toMatchObject({ code: "diffusion.temperature" });
    model.dispose();
  });

  it.each(["bernoulli", "gaussian"])("of a discriminative refiner is a probability without variance over samples (%s kernel)", async (kernel) => {
    const model = newModel({ refiner: { kind: "discriminative" }, diffusion: { kernel } });
    const steps: number[] = [];
    const result = await segment(model, randomImage(32, 32), { ...options({ samples: 3 }), onStep: ({ t }) => steps.push(t) });
    // Float32 squares: 3e-8 of values up to 1.
    expect(result.uncertainty!.every((value) => value < 1e-6)).toBe(true);
    expect(result.probability.every((value) => value > 0 && value < 1)).toBe(true);
    expect(steps).toEqual([]);
    model.dispose();
  });

  it("averages over mirrorings: a mirrored image gives the mirrored prior", async () => {
    const model = newModel();
    const image = randomImage(32, 32);
    const mirroredImage = { ...image, data: mirrorColumns(image.data, 32) };
    const plain = await segment(model, image, options());
    const flipped = await segment(model, image, options({ flips: true }));
    const mirrored = await segment(model, mirroredImage, options({ flips: true }));
    expect(flipped.prior).not.toEqual(plain.prior);
    expect(mirrorColumns(mirrored.prior, 32)).toBeAllClose(flipped.prior, { absolute: 1e-6 });
    expect(flipped.uncertainty).toBeDefined();
    model.dispose();
  });

  it("keeps the largest component of either mask on request", async () => {
    const model = newModel();
    const image = randomImage(32, 32);
    const all = await segment(model, image, options());
    const kept = await segment(model, image, options({ keepLargestComponent: true }));
    expect(kept.probability).toEqual(all.probability);
    const foreground = (mask: Uint8Array): number => mask.reduce((sum, value) => sum + value, 0);
    expect(components(all.mask, 32)).toBeGreaterThan(1);
    expect(components(kept.mask, 32)).toBe(1);
    expect(foreground(kept.mask)).toBeLessThan(foreground(all.mask));
    model.dispose();
  });

  it.each(["ancestral", "ddim"] as const)("reports every step of the %s sampler, from T − 1 to 0", async (sampler) => {
    const model = newModel({ diffusion: { steps: 4 } });
    const steps: RefinementStep[] = [];
    const result = await segment(model, randomImage(40, 24), { ...options({ sampler, window: 32 }), onStep: (step) => steps.push(step) });
    expect(steps.map(({ t }) => t)).toEqual([3, 2, 1, 0]);
    for (const { height, width, yt, y0Hat } of steps) expect([height, width, yt.length, y0Hat.length]).toEqual([40, 24, 40 * 24, 40 * 24]);
    // The last estimate is the result: one sample.
    expect(steps.at(-1)!.y0Hat).toBeAllClose(result.probability, { absolute: 1e-6 });
    model.dispose();
  });

  it("takes fewer steps on request, and the Gaussian kernel", async () => {
    const model = newModel({ diffusion: { steps: 4, kernel: "gaussian" } });
    const steps: number[] = [];
    const result = await segment(model, randomImage(32, 32), { ...options({ steps: 2 }), onStep: ({ t }) => steps.push(t) });
    expect(steps).toEqual([3, 0]);
    expect(result.probability.every((value) => value >= 0 && value <= 1)).toBe(true);
    model.dispose();
  });

  it("the prior does not depend on how windows and samples are grouped", async () => {
    const model = newModel();
    const image = randomImage(70, 40);
    const [one, many] = await Promise.all([1, 8].map((batchSize) => segment(model, image, options({ window: 32, batchSize }))));
    expect(one!.prior).toBeAllClose(many!.prior, { absolute: 1e-5 });
    model.dispose();
  });

  it("tells its progress, up to 1, and leaves no tensors", async () => {
    const model = newModel();
    const fractions: number[] = [];
    await noLeak(() =>
      segment(model, randomImage(70, 40), { ...options({ window: 32, batchSize: 2, flips: true }), onProgress: (done) => void fractions.push(done) }),
    );
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    const before = memory().numTensors;
    const fail = (): never => {
      throw new Error("stopped by the caller");
    };
    await expect(segment(model, randomImage(32, 32), { ...options(), onStep: fail })).rejects.toThrow("stopped by the caller");
    expect(memory().numTensors).toBe(before);
    model.dispose();
  });

  it("of another number of channels is an error that says both", async () => {
    const model = newModel();
    await expect(segment(model, randomImage(32, 32, 1, 3), options())).rejects.toMatchObject({
      code: "segment.channels",
      message: expect.stringMatching(/1 channel.*got 3/),
    });
    await expect(segment(model, { ...randomImage(32, 32), height: 31 }, options())).rejects.toMatchObject({ code: "segment.channels" });
    await expect(segment(model, { ...randomImage(32, 32), outside: [0, 0] }, options())).rejects.toMatchObject({ code: "segment.channels" });
    model.dispose();
  });

  it("of what is no number is an error that says where", async () => {
    const model = newModel();
    const image = randomImage(32, 20);
    image.data[32] = Number.POSITIVE_INFINITY;
    await expect(segment(model, image, options())).rejects.toMatchObject({ code: "segment.values", message: expect.stringMatching(/Infinity at row 1, column 12/) });
    model.dispose();
  });

  it("fills windows that reach over the border with the image's own value, −1 without one", async () => {
    const model = newModel();
    const image = randomImage(20, 20);
    const plain = await segment(model, image, options());
    expect(await segment(model, { ...image, outside: [-1] }, options())).toEqual(plain);
    expect((await segment(model, { ...image, outside: [0.5] }, options())).prior).not.toEqual(plain.prior);
    model.dispose();
  });
});

describe("labelMap", () => {
  it("of one class is > 0.5", () => {
    expect([...labelMap(Float32Array.of(0, 0.5, 0.51, 1), 1)]).toEqual([0, 0, 1, 1]);
  });

  it("of more is the most probable one, the first of equals", () => {
    expect([...labelMap(Float32Array.of(0.2, 0.5, 0.3, 0.4, 0.2, 0.4), 3)]).toEqual([1, 0]);
  });

  it("of nothing is nothing", () => {
    expect(labelMap(new Float32Array(), 3)).toHaveLength(0);
  });
});

function mirrorColumns(data: Float32Array, width: number): Float32Array {
  return data.map((_, index) => data[index - (index % width) + width - 1 - (index % width)]!);
}

/** The number of 8-connected components of 1, by flood fill. */
function components(mask: Uint8Array, width: number): number {
  const left = new Set([...mask.keys()].filter((pixel) => mask[pixel] === 1));
  let count = 0;
  for (const seed of left) {
    count += 1;
    const queue = [seed];
    left.delete(seed);
    while (queue.length > 0) {
      const pixel = queue.pop()!;
      for (const step of [-1, 0, 1]) {
        const column = (pixel % width) + step;
        if (column < 0 || column >= width) continue;
        for (const next of [pixel + step - width, pixel + step, pixel + step + width]) if (left.delete(next)) queue.push(next);
      }
    }
  }
  return count;
}

describe("with the packed engine", () => {
  it.each(["epsilon", "y0", "y0-log-odds"] as const)("refines as with the graph, for the target %s", async (target) => {
    const model = newModel({ classes: 3, diffusion: { target } });
    const packedRefiner = await PackedRefiner.create(compileModel(model), { threads: 2 });
    const image = randomImage(70, 40);
    // Windows in groups of two, the last one alone; chains in groups of one or two.
    const settings = options({ window: 32, batchSize: 2, samples: 3 });
    const onGraph = await segment(model, image, settings);
    const packed = await segment(model, image, { ...settings, packedRefiner });
    expect(packed.prior).toEqual(onGraph.prior);
    expect(new Set(onGraph.mask).size).toBeGreaterThan(1);
    // Rounding differs in the last digits; where it turns a sign or a drawn bit, a few pixels follow.
    const differing = packed.probability.filter((value, index) => Math.abs(value - onGraph.probability[index]!) > 1e-4).length;
    expect(differing / packed.probability.length).toBeLessThan(0.01);
    expect(await segment(model, image, { ...settings, packedRefiner })).toEqual(packed);
    packedRefiner.dispose();
    model.dispose();
  });
});
