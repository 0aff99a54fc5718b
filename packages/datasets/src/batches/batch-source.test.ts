import { describe, expect, it } from "vitest";
import { paperRgbAugmentation } from "../augmentation/options.ts";
import { syntheticFundus } from "../synthetic/synthetic-fundus.ts";
import type { Batch, SampleSource, SegmentationSample } from "../types.ts";
import { createBatchSource } from "./batch-source.ts";
import type { BatchSourceOptions } from "./options.ts";
import { prepareSamples } from "./prepare-samples.ts";
import { SampleCache } from "./sample-cache.ts";

const fundus = await prepareSamples(syntheticFundus({ count: { train: 5, validation: 1, test: 0 }, size: 40, seed: 1 }));
const options: BatchSourceOptions = {
  split: "train",
  batchSize: 2,
  cropSize: 32,
  augmentation: paperRgbAugmentation,
  seed: 3,
  fieldOfViewFraction: 0.5,
};

async function collect(chosen: BatchSourceOptions, steps: readonly number[], samples = fundus): Promise<Batch[]> {
  const source = createBatchSource(samples, chosen);
  const batches: Batch[] = [];
  for (const step of steps) batches.push(await source.batch(step));
  await source.close();
  return batches;
}

describe("createBatchSource", () => {
  it("makes each step's batch from the options and the step alone", async () => {
    const forward = await collect(options, [0, 1, 2, 3, 4, 5]);
    const resumed = await collect({ ...options, prefetch: 3 }, [4, 5]);
    const backward = await collect({ ...options, prefetch: 0, cacheBytes: 0 }, [5, 4, 4]);
    expect(resumed).toEqual(forward.slice(4));
    expect(backward).toEqual([forward[5], forward[4], forward[4]]);
    expect((await collect({ ...options, seed: 4 }, [0]))[0]!.images).not.toEqual(forward[0]!.images);
  });

  it("hands out arrays that the caller may overwrite", async () => {
    const source = createBatchSource(fundus, options);
    const first = await source.batch(0);
    const kept = first.images.slice();
    first.images.fill(0);
    expect((await source.batch(0)).images).toEqual(kept);
    await source.close();
  });

  it("shows every sample once per epoch, in a new order each time", async () => {
    const ids = (await collect({ ...options, augmentation: {} }, Array.from({ length: 50 }, (_, step) => step))).flatMap((batch) => batch.ids);
    const orders = new Set<string>();
    for (let epoch = 0; epoch < 20; epoch++) {
      const order = ids.slice(5 * epoch, 5 * epoch + 5);
      expect([...order].sort()).toEqual(fundus.splits.train);
      orders.add(order.join());
    }
    expect(orders.size).toBeGreaterThan(10); // of 120 possible; 20 draws give about 18
  });

  it("stacks crops, rectangles and whole images by their shapes", async () => {
    const [batch] = await collect({ ...options, cropSize: [16, 24] }, [0]);
    expect(batch).toMatchObject({ batchSize: 2, height: 16, width: 24, imageChannels: 3, classes: 1 });
    expect(batch!.images).toHaveLength(2 * 16 * 24 * 3);
    expect(batch!.masks).toHaveLength(2 * 16 * 24);
    const [whole] = await collect({ split: "train", batchSize: 1, seed: 0 }, [0]);
    const sample = await fundus.load(whole!.ids[0]!);
    expect(whole!.images).toEqual(sample.image);
    expect(whole!.masks).toEqual(sample.mask);
  });

  it("reads each sample once while it is cached, even when asked twice at a time", async () => {
    let loads = 0;
    const counting: SampleSource = { ...fundus, load: (id) => (loads++, fundus.load(id)) };
    await collect({ ...options, batchSize: 10 }, [0, 1, 2], counting);
    expect(loads).toBe(5);
    loads = 0;
    await collect({ ...options, batchSize: 5, cacheBytes: 1, prefetch: 0 }, [0, 1], counting);
    expect(loads).toBe(10);
  });

  it("keeps no more samples in memory than cacheBytes allow, those used last", async () => {
    const pixels = 32 * 32;
    const sample = (id: string): SegmentationSample => ({
      id,
      height: 32,
      width: 32,
      imageChannels: 1,
      image: new Float32Array(pixels),
      outside: [0],
      classes: 3,
      mask: Float32Array.from({ length: pixels * 3 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0)),
    });
    const loads: string[] = [];
    const source: SampleSource = { ...fundus, load: async (id) => (loads.push(id), sample(id)) };
    const bytes = pixels * 5; // four of the image, one of the labels
    const cache = new SampleCache(source, 3 * bytes);
    let largest = 0;
    for (const id of ["a", "b", "c", "a", "d", "a", "b", "e"]) {
      expect(await cache.load(id)).toEqual(sample(id));
      largest = Math.max(largest, cache.bytes);
    }
    expect(loads).toEqual(["a", "b", "c", "d", "b", "e"]);
    expect(largest).toBe(3 * bytes);
    await Promise.all(Array.from({ length: 20 }, (_, index) => cache.load(`${index}`)));
    expect(cache.bytes).toBe(3 * bytes);
    const tiny = new SampleCache(source, bytes - 1);
    await tiny.load("a");
    expect(tiny.bytes).toBe(0);
  });

  it("tells for how long its callers have waited", async () => {
    const slow: SampleSource = { ...fundus, load: async (id) => (await new Promise((resolve) => setTimeout(resolve, 60)), fundus.load(id)) };
    const source = createBatchSource(slow, { ...options, batchSize: 5, prefetch: 0 });
    expect(source.waited).toBe(0);
    const start = performance.now();
    await Promise.all([source.batch(0), source.batch(0)]); // waiting at the same time counts once
    expect(source.waited).toBeGreaterThan(55);
    expect(source.waited).toBeLessThanOrEqual(performance.now() - start);
    const before = source.waited;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(source.waited).toBe(before);
    await source.close();
  });

  it("rejects with the data set's error, and again when asked again", async () => {
    const broken: SampleSource = { ...fundus, load: () => Promise.reject(new Error("unreadable")) };
    const source = createBatchSource(broken, options);
    await expect(source.batch(0)).rejects.toThrow("unreadable");
    await expect(source.batch(0)).rejects.toThrow("unreadable");
    await source.close();
    await expect(source.batch(0)).rejects.toMatchObject({ code: "datasets.closed" });
  });

  it("explains wrong options, empty splits and whole images of several sizes", async () => {
    expect(() => createBatchSource(fundus, { ...options, batchSize: 0 })).toThrow(/batchSize must be a positive integer, got 0/);
    expect(() => createBatchSource(fundus, { ...options, cropSize: [8, 1.5] })).toThrow(/cropSize must be/);
    expect(() => createBatchSource(fundus, { ...options, fieldOfViewFraction: 2 })).toThrow(/in \[0, 1\], got 2/);
    expect(() => createBatchSource(fundus, { ...options, split: "test" })).toThrow(/split "test" of "synthetic-fundus" has no samples/);
    await expect(createBatchSource(fundus, options).batch(-1)).rejects.toMatchObject({ code: "datasets.step" });
    const larger = await prepareSamples(syntheticFundus({ count: { train: 5, validation: 0, test: 0 }, size: 48, seed: 1 }));
    const mixed: SampleSource = { ...fundus, load: (id) => (id === "train-0" ? larger : fundus).load(id) };
    await expect(createBatchSource(mixed, { split: "train", batchSize: 5, seed: 1 }).batch(0)).rejects.toMatchObject({
      code: "datasets.size",
      message: expect.stringContaining("Give a cropSize"),
    });
  });
});
