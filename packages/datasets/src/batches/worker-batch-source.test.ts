import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeNpz } from "@hidiff/core-tensor/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { paperRgbAugmentation, paperVolumeAugmentation } from "../augmentation/options.ts";
import { openDataset } from "../node-datasets.ts";
import { withPriors } from "../priors/with-priors.ts";
import type { DatasetSpec } from "../registry.ts";
import { tinyVolumes } from "../testing/tiny-volumes.ts";
import type { Batch } from "../types.ts";
import { createBatchSource } from "./batch-source.ts";
import { prepareSamples } from "./prepare-samples.ts";
import { createWorkerBatchSource, startBatchSource, type WorkerBatchSource, type WorkerBatchSourceOptions } from "./worker-batch-source.ts";

// The threads run from the TypeScript sources, too.
const thread = { script: new URL("../testing/typescript-worker.mjs", import.meta.url), execArgv: ["--conditions=@hidiff/source"] };

const fundus: DatasetSpec = { name: "synthetic-fundus", count: { train: 4, validation: 0, test: 0 }, size: 40, seed: 1 };
const fundusOptions: WorkerBatchSourceOptions = { split: "train", batchSize: 3, cropSize: 32, augmentation: paperRgbAugmentation, seed: 5 };
const depths = [6, 1, 4, 3];
const volumes: DatasetSpec = { name: "tiny-volumes", depths };
const volumeOptions: WorkerBatchSourceOptions = { split: "train", batchSize: 4, cropSize: 16, augmentation: paperVolumeAugmentation, seed: 5 };

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-workers-"));
  await import("../testing/register-tiny-volumes.ts");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function take(source: WorkerBatchSource, steps: readonly number[]): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (const step of steps) batches.push(await source.batch(step));
  await source.close();
  return batches;
}

describe("createWorkerBatchSource", () => {
  it("works in the calling thread where the worker is not built beside it", async () => {
    const source = await createWorkerBatchSource(fundus, fundusOptions);
    const same = createBatchSource(await prepareSamples(await openDataset(fundus)), fundusOptions);
    expect(await source.batch(2)).toEqual(await same.batch(2));
    await source.close();
  });

  it("throws for wrong options at once", async () => {
    await expect(createWorkerBatchSource(fundus, { ...fundusOptions, batchSize: -1 })).rejects.toMatchObject({ code: "datasets.option" });
    await expect(createWorkerBatchSource(fundus, { ...fundusOptions, workers: 1.5 })).rejects.toMatchObject({ code: "datasets.option" });
  });
});

describe("batch workers", () => {
  it("make the same batches, whatever their number", async () => {
    const steps = [0, 1, 2, 3, 7, 3, 4];
    const expected = await take(await startBatchSource(fundus, { ...fundusOptions, workers: 0 }, thread), steps);
    for (const workers of [1, 3]) {
      expect(await take(await startBatchSource(fundus, { ...fundusOptions, workers }, thread), steps)).toEqual(expected);
    }
  });

  it("make the same batches of volumes, with and without a cache on disk, which is filled before the first batch", async () => {
    const cacheFolder = join(folder, "slices");
    const steps = [0, 1, 2, 3, 4, 5];
    const options = { ...volumeOptions, splits: ["train", "validation"], slices: "foreground" } as const;
    const expected = await take(await startBatchSource(volumes, { ...options, workers: 0 }, thread), steps);
    // A window of 16×16 is larger than a slice of 12×10, and has the data set's values around it.
    expect(expected[0]).toMatchObject({ height: 16, width: 16, imageChannels: 2, classes: 3 });
    expect(expected.every(({ images }) => images.includes(-7) && images.includes(0.5))).toBe(true);
    const progress: number[] = [];
    for (const workers of [2, 0, 1]) {
      const source = await startBatchSource(volumes, { ...options, cacheFolder, workers, onProgress: (done) => progress.push(done) }, thread);
      const [key] = await readdir(cacheFolder);
      expect((await readdir(join(cacheFolder, key!))).filter((name) => name.endsWith(".json"))).toHaveLength(1 + depths.length);
      expect(source.index.splits.validation).toEqual([{ id: "case-3", depth: 3, slices: [1] }]);
      expect(await take(source, steps)).toEqual(expected);
    }
    expect(progress).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    const again = await startBatchSource(volumes, { ...volumeOptions, cacheFolder, workers: 1, slices: "foreground", index: { splits: { train: [{ id: "case-2", depth: 4 }], validation: [], test: [] }, skipped: [] } }, thread);
    expect((await again.batch(0)).ids.toSorted()).toEqual(["case-2/000", "case-2/001", "case-2/002", "case-2/003"]);
    await again.close();
  });

  it("make the same batches of volumes with priors, with and without a cache on disk", async () => {
    const [priors, cacheFolder] = [{ folder: join(folder, "priors") }, join(folder, "slices-with-priors")];
    await mkdir(priors.folder);
    const label = (at: number): number => at % 3;
    for (const [index, depth] of depths.entries()) {
      const data = Uint8Array.from({ length: depth * 120 }, (_, at) => label(at));
      await writeFile(join(priors.folder, `case-${index}.npz`), encodeNpz(new Map([["mask", { shape: [depth, 12, 10], data }]])));
    }
    const [steps, options] = [[0, 1, 2], { ...volumeOptions, priors }];
    const expected = await take(await startBatchSource(volumes, { ...options, workers: 0 }, thread), steps);
    const dataset = await withPriors(await openDataset(volumes), priors);
    expect(await take(await startBatchSource(volumes, { ...options, dataset, workers: 0 }, thread), steps)).toEqual(expected);
    expect(await take(await startBatchSource(volumes, { ...options, workers: 2 }, thread), steps)).toEqual(expected);
    expect(await take(await startBatchSource(volumes, { ...options, cacheFolder, workers: 1 }, thread), steps)).toEqual(expected);
    for (const { priors: maps, masks } of expected) {
      expect(maps).toHaveLength(masks.length);
      for (let first = 0; first < maps!.length; first += 3) expect(maps![first]! + maps![first + 1]! + maps![first + 2]!).toBeCloseTo(1, 5);
    }
    const plain = await take(await startBatchSource(volumes, { ...volumeOptions, workers: 0 }, thread), steps);
    expect(expected.map((batch) => ({ ...batch, priors: undefined }))).toEqual(plain);
    await expect(startBatchSource(volumes, { ...options, priors: { folder: join(folder, "slices") }, workers: 1 }, thread)).rejects.toMatchObject({ code: "datasets.priors" });
  });

  it("leave out cases that cannot be read, or stop at the first", async () => {
    const broken = { ...volumes, broken: ["case-0"] };
    const skipped: string[] = [];
    const source = await startBatchSource(broken, { ...volumeOptions, workers: 2, badCases: "skip", onBadCase: (id) => skipped.push(id) }, thread);
    expect(skipped).toEqual(["case-0"]);
    expect(source.index.skipped).toEqual([{ id: "case-0", reason: expect.stringContaining("the file is truncated") }]);
    const same = createBatchSource(await prepareSamples(tinyVolumes({ depths, broken: ["case-0"] }), { badCases: "skip" }), volumeOptions);
    expect(await take(source, [0, 1])).toEqual([await same.batch(0), await same.batch(1)]);
    await expect(startBatchSource(broken, { ...volumeOptions, workers: 2, slices: "foreground" }, thread)).rejects.toMatchObject({ code: "datasets.case" });
    const late = await startBatchSource(broken, { ...volumeOptions, workers: 2 }, thread);
    await expect(Promise.all([0, 1, 2].map((step) => late.batch(step)))).rejects.toMatchObject({
      code: "datasets.case",
      message: expect.stringContaining('"case-0" of "tiny-volumes" cannot be read: the file is truncated'),
    });
    await late.close();
  });

  it("tell for how long their callers have waited", async () => {
    const source = await startBatchSource(fundus, { ...fundusOptions, workers: 1 }, thread);
    expect(source.waited).toBe(0);
    await source.batch(0);
    const first = source.waited;
    expect(first).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 1500)); // the next batches are made meanwhile
    await source.batch(1);
    expect(source.waited - first).toBeLessThan(250);
    await source.close();
  });

  it("reject what is asked for when they close", async () => {
    const source = await startBatchSource(fundus, { ...fundusOptions, workers: 2 }, thread);
    const asked = Promise.all([0, 1].map((step) => expect(source.batch(step)).rejects.toMatchObject({ code: "datasets.closed" })));
    await source.close();
    await asked;
    await expect(source.batch(8)).rejects.toMatchObject({ code: "datasets.closed" });
  });

  it("say that they failed, and which one", async () => {
    const missing = { script: new URL("./no-such-worker.js", import.meta.url) };
    await expect(startBatchSource(fundus, { ...fundusOptions, workers: 2 }, missing)).rejects.toMatchObject({
      code: "datasets.worker",
      message: expect.stringMatching(/batch worker [12] of 2 failed: .*no-such-worker/),
    });
    await expect(startBatchSource({ name: "crashing" }, { ...volumeOptions, workers: 1 }, thread)).rejects.toMatchObject({
      code: "datasets.worker",
      message: expect.stringContaining("batch worker 1 of 1 failed: Error: out of order"),
    });
  });
});
