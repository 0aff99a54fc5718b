import { memory } from "@hidiff/core-tensor";
import { selectBackend } from "@hidiff/core-tensor/node";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfiguration } from "../problems.ts";
import { exampleBatch } from "./example-batch.ts";
import { planTraining } from "./plan-training-node.ts";

beforeAll(() => selectBackend({ prefer: "wasm" }));

const configuration = parseConfiguration(
  {
    dataset: { name: "synthetic-fundus", count: { train: 10, validation: 2, test: 1 }, size: 64, seed: 1 },
    architecture: { segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
    training: {
      batchSize: 4,
      cropSize: 32,
      pretraining: { iterations: 5 },
      alternating: { iterations: 7, refinerUpdates: 2 },
      validationInterval: 3,
      validationBatches: 2,
      pictures: { interval: 0 },
    },
    inference: { samples: 1, window: 32 },
  },
  "The test's configuration",
);

describe("planTraining", () => {
  it("counts what the training will do", async () => {
    const before = memory().numTensors;
    const plan = await planTraining(configuration, { seconds: 10 });
    expect(memory().numTensors).toBe(before);
    expect(plan.dataset.splits).toEqual({ train: { cases: 10, samples: 10 }, validation: { cases: 2, samples: 2 }, test: { cases: 1, samples: 1 } });
    // 5 iterations of 4 crops of 10 images; 7 · 2 batches in the alternation.
    expect(plan.phases).toMatchObject([
      { name: "pretraining", iterations: 5, batches: 5, epochs: 2 },
      { name: "alternating", iterations: 7, batches: 14, epochs: 5.6 },
    ]);
    // After 3 and 5, and after 3, 6 and 7 iterations.
    expect(plan.validation).toMatchObject({ looks: 5, crops: 8, split: "validation" });
    expect(plan.files.sliceBytes).toBe(0);
    const [pretraining, alternating] = plan.phases;
    const looks = 5 * 8 * plan.validation.cropSeconds!.median;
    expect(plan.seconds.likely).toBeCloseTo(5 * pretraining!.iterationSeconds!.median + 7 * alternating!.iterationSeconds!.median + looks, 9);
    expect(plan.seconds.least).toBeLessThanOrEqual(plan.seconds.likely);
    expect(plan.seconds.most).toBeGreaterThanOrEqual(plan.seconds.likely);
    expect(plan.measurement).toMatchObject({ batchSize: 4, memory: { measured: true, tooMuch: false } });
    expect(plan.measurement.memory!.peak).toBeGreaterThan(2 ** 20);
  });

  it("scales from smaller batches where whole ones take too long", async () => {
    const large = { ...configuration, training: { ...configuration.training, batchSize: 16 } };
    const plan = await planTraining(large, { seconds: 0.001 });
    expect(plan.measurement.batchSize).toBeLessThan(16);
    expect(plan.measurement.memory?.measured).not.toBe(true);
    expect(plan.phases[1]!.seconds.likely).toBeGreaterThan(0);
  });
});

describe("exampleBatch", () => {
  it("marks each pixel by one class", () => {
    const { masks } = exampleBatch({ batchSize: 2, size: 8, imageChannels: 1, classes: 3, priors: false });
    expect(masks.length).toBe(2 * 8 * 8 * 3);
    for (let pixel = 0; pixel < 2 * 8 * 8; pixel++) expect(masks.subarray(3 * pixel, 3 * pixel + 3).reduce((sum, value) => sum + value)).toBe(1);
  });
});
