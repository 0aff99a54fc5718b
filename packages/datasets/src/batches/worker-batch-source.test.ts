import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { paperRgbAugmentation } from "../augmentation/options.ts";
import { openDataset } from "../node-datasets.ts";
import { createBatchSource } from "./batch-source.ts";
import type { BatchSourceOptions } from "./options.ts";
import { createWorkerBatchSource, startBatchWorker } from "./worker-batch-source.ts";

const script = new URL("../../dist/batch-worker.js", import.meta.url);
const built = existsSync(fileURLToPath(script)) && existsSync(fileURLToPath(new URL("../../../core-tensor/dist/random.js", import.meta.url)));

const spec = { name: "synthetic-fundus", count: { train: 4, validation: 0, test: 0 }, size: 40, seed: 1 };
const options: BatchSourceOptions = { split: "train", batchSize: 3, cropSize: 32, augmentation: paperRgbAugmentation, seed: 5 };

describe("createWorkerBatchSource", () => {
  it("works in the calling thread where the worker is not built beside it", async () => {
    const source = await createWorkerBatchSource(spec, options);
    const same = createBatchSource(await openDataset(spec), options);
    expect(await source.batch(2)).toEqual(await same.batch(2));
    await source.close();
  });

  it("throws for wrong options at once", async () => {
    await expect(createWorkerBatchSource(spec, { ...options, batchSize: -1 })).rejects.toMatchObject({ code: "datasets.option" });
  });
});

describe("the batch worker", () => {
  it.skipIf(!built)("makes the same batches as the calling thread (needs the built packages)", async () => {
    const source = startBatchWorker(script, { spec, options });
    const same = createBatchSource(await openDataset(spec), options);
    for (const step of [0, 1, 2, 7, 3]) expect(await source.batch(step)).toEqual(await same.batch(step));
    await source.close();
    await expect(source.batch(8)).rejects.toMatchObject({ code: "datasets.closed" });
  });

  it.skipIf(!built)("passes errors on with code and message (needs the built packages)", async () => {
    const source = startBatchWorker(script, { spec: { name: "drive", root: "/nowhere/DRIVE" }, options });
    await expect(source.batch(0)).rejects.toMatchObject({
      name: "HidiffError",
      code: "datasets.layout",
      message: expect.stringContaining("/nowhere/DRIVE"),
    });
    await source.close();
  });

  it.skipIf(!built)("rejects what is asked for when it closes (needs the built packages)", async () => {
    const source = startBatchWorker(script, { spec, options });
    const asked = expect(source.batch(0)).rejects.toMatchObject({ code: "datasets.closed" });
    await source.close();
    await asked;
  });

  it("rejects where the thread cannot start", async () => {
    const source = startBatchWorker(new URL("./no-such-worker.js", import.meta.url), { spec, options });
    await expect(source.batch(0)).rejects.toMatchObject({ code: "datasets.worker" });
    await source.close();
  });
});
