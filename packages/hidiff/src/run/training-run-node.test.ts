import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { loadBundle } from "../bundle/bundle-node.ts";
import { parse, type SegmentationDataset } from "@hidiff/datasets";
import { datasetRegistry } from "@hidiff/datasets/node";
import { Generator } from "@hidiff/core-tensor/random";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { readRunRecords } from "./read-run-records-node.ts";
import { runFiles } from "./run-files.ts";
import { readRunConfiguration } from "./run-folder-node.ts";
import { runTraining } from "./training-run-node.ts";

const configuration = parse(
  configurationSchema,
  {
    dataset: { name: "synthetic-fundus", count: { train: 3, validation: 1, test: 1 }, size: 32, seed: 1 },
    architecture: { segmentor: { name: "unet", options: { baseWidth: 4, depth: 2 } }, refiner: { baseWidth: 4 }, diffusion: { steps: 2 } },
    training: {
      batchSize: 1,
      cropSize: 32,
      pretraining: { iterations: 1 },
      alternating: { iterations: 2 },
      validationInterval: 2,
      checkpointInterval: 1,
    },
    inference: { samples: 1, window: 32 },
  },
  "The test's configuration",
) as Configuration;

/** The records of a run without what depends on the machine's speed. */
async function recordsOf(run: string): Promise<object[]> {
  const records = await readRunRecords(run);
  return records.map((record) => {
    if ("seconds" in record) expect(record.seconds).toBeGreaterThan(0);
    if (record.type === "iteration") {
      expect(record.waiting).toBeGreaterThanOrEqual(0);
      expect(record.waiting).toBeLessThanOrEqual(1);
    }
    return { ...record, waiting: 0, seconds: 0 };
  });
}

let folder = "";
beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-run-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("a stopped and resumed run writes the same bundle and log as an uninterrupted one", async () => {
  const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
  await noLeak(async () => {
    const { complete, bundle, waiting, model } = await runTraining(configuration, { folder: whole });
    expect(complete).toBe(true);
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThan(1);
    expect(bundle).toBe(join(whole, runFiles.bundle));
    model.dispose();
  });
  expect((await readdir(whole)).toSorted()).toEqual(Object.values(runFiles).filter((name) => name !== runFiles.slices).toSorted());

  const stop = new AbortController();
  const stopped = await runTraining(configuration, {
    folder: parts,
    signal: stop.signal,
    onIteration: ({ phase }) => {
      if (phase === "alternating") stop.abort();
    },
  });
  expect(stopped).toMatchObject({ complete: false, bundle: undefined });
  stopped.model.dispose();
  const resumed = await runTraining(await readRunConfiguration(parts), { folder: parts, resume: true });
  expect(resumed.complete).toBe(true);
  resumed.model.dispose();

  const read = (run: string, file: string): Promise<Buffer> => readFile(join(run, file));
  expect(await recordsOf(parts)).toEqual(await recordsOf(whole));
  for (const file of await readdir(join(whole, runFiles.bundle))) {
    expect((await read(join(parts, runFiles.bundle), file)).equals(await read(join(whole, runFiles.bundle), file)), file).toBe(true);
  }
  const hidiff = await loadBundle(join(parts, runFiles.bundle));
  expect(hidiff.manifest).toMatchObject({ inference: configuration.inference, architecture: { imageChannels: 3, classes: 1 } });
  hidiff.dispose();

  // What is there already is not overwritten, and a resumed run keeps its options.
  await expect(runTraining(configuration, { folder: parts })).rejects.toMatchObject({ code: "run.exists" });
  const other = { ...configuration, training: { ...configuration.training, seed: 9 } };
  await expect(runTraining(other, { folder: parts, resume: true })).rejects.toMatchObject({ code: "run.configuration" });
  const redrawn = { ...configuration, dataset: { ...configuration.dataset, seed: 2 } };
  await expect(runTraining(redrawn, { folder: parts, resume: true })).rejects.toMatchObject({ code: "run.configuration" });
  const cropped: Configuration = { ...configuration, preprocessing: [{ step: "crop-border", pixels: 1 }] };
  await expect(runTraining(cropped, { folder: parts, resume: true })).rejects.toMatchObject({ code: "run.configuration" });
});

describe("volumes of three classes", () => {
  const loads: string[] = [];
  let broken = "";

  /** Three volumes of 40×36 voxels and two channels: a ball in a tube. The last one is for validation. */
  const volumes: SegmentationDataset = {
    name: "tiny-volumes",
    imageChannels: 2,
    channelNames: ["t1", "t2"],
    classes: 3,
    classNames: ["background", "tube", "ball"],
    splits: { train: ["a", "b"], validation: ["c"], test: [] },
    preprocessing: [{ step: "z-score", region: "all" }],
    volumes: { plane: "axial", outside: 0 },
    depthOf: () => 5,
    load: async (id) => {
      loads.push(id);
      if (id === broken) throw new Error("it is truncated");
      const grid = { depth: 5, height: 40, width: 36 };
      const label = (slice: number, pixel: number): number => {
        const distance = Math.hypot(Math.floor(pixel / 36) - 20, (pixel % 36) - 18);
        return Math.hypot(distance, 4 * (slice - 2)) < 7 ? 2 : distance < 14 ? 1 : 0;
      };
      const image = (slice: number): Float32Array => {
        const generator = new Generator(`${id} ${slice}`);
        return Float32Array.from({ length: 40 * 36 * 2 }, (_, i) => 100 * label(slice, Math.floor(i / 2)) + generator.normal(500, 20));
      };
      return {
        id,
        image: { ...grid, channels: 2, spacing: [3, 1, 1], outside: [0, 0], slice: image },
        labels: { ...grid, slice: (slice) => Uint8Array.from({ length: 40 * 36 }, (_, pixel) => label(slice, pixel)) },
      };
    },
  };
  const changes = {
    dataset: { name: "tiny-volumes" },
    training: { ...configuration.training, batchSize: 2, cropSize: 32, pretraining: { iterations: 1 }, alternating: { iterations: 2 }, augmentation: undefined },
  };
  const volumetric = parse(configurationSchema, { ...configuration, ...changes }, "The test's configuration") as Configuration;
  const withData = (data: object): Configuration => ({ ...volumetric, training: { ...volumetric.training, data: { ...volumetric.training.data, ...data } } });

  beforeAll(() => datasetRegistry.register("tiny-volumes", { options: [], open: () => volumes }));

  it("are trained on from slices on disk, and resumed equal with other threads and another folder for the slices", async () => {
    const [whole, parts] = [join(folder, "volumes"), join(folder, "volumes-parts")];
    loads.length = 0;
    const progress: string[] = [];
    const first = await runTraining(volumetric, { folder: whole, onPreparation: (done, total) => progress.push(`${done}/${total}`) });
    first.model.dispose();
    expect(progress).toEqual(["1/3", "2/3", "3/3"]);
    expect(loads).toEqual(["a", "b", "c"]); // each once, for training and validation
    const [key] = await readdir(join(whole, runFiles.slices));
    expect((await readdir(join(whole, runFiles.slices, key!))).filter((name) => name.endsWith(".npy"))).toHaveLength(6);

    const stop = new AbortController();
    const stopped = await runTraining(volumetric, { folder: parts, signal: stop.signal, onIteration: ({ phase }) => (phase === "alternating" ? stop.abort() : undefined) });
    expect(stopped.complete).toBe(false);
    stopped.model.dispose();
    const resumed = await runTraining(withData({ workers: 0, cacheFolder: join(folder, "elsewhere") }), { folder: parts, resume: true });
    expect(resumed.complete).toBe(true);
    resumed.model.dispose();
    await expect(runTraining(withData({ slices: "foreground" }), { folder: parts, resume: true })).rejects.toMatchObject({ code: "run.configuration" });

    const records = await readRunRecords(parts);
    expect(await recordsOf(parts)).toEqual(await recordsOf(whole));
    expect(records.filter(({ type }) => type === "validation")).toHaveLength(2);
    const bundles = await Promise.all([whole, parts].map((run) => readFile(join(run, runFiles.bundle, "refiner.safetensors"))));
    expect(bundles[1]!.equals(bundles[0]!)).toBe(true);
    const hidiff = await loadBundle(join(parts, runFiles.bundle));
    expect(hidiff.manifest.architecture).toMatchObject({ imageChannels: 2, classes: 3 });
    hidiff.dispose();
  });

  it("are left out where they cannot be read, if the configuration says so", async () => {
    const run = join(folder, "skipped");
    broken = "a";
    try {
      await expect(runTraining(withData({ cacheFolder: false, slices: "foreground" }), { folder: join(folder, "bad") })).rejects.toMatchObject({
        code: "datasets.case",
        message: expect.stringContaining('"a" of "tiny-volumes" cannot be read: it is truncated'),
      });
      const skipped: string[] = [];
      const { model, complete } = await runTraining(withData({ badCases: "skip", cacheFolder: false }), { folder: run, onBadCase: (id) => skipped.push(id) });
      expect(complete).toBe(true);
      model.dispose();
      expect(skipped).toEqual(["a"]);
    } finally {
      broken = "";
    }
    expect(await readFile(join(run, runFiles.log), "utf8")).toMatch(/ Left out a: .*it is truncated/);
    expect(await readdir(run)).not.toContain(runFiles.slices);
  });

  it("can be stopped while they are read, and resumed", async () => {
    const run = join(folder, "early");
    const stop = new AbortController();
    const early = await runTraining(volumetric, { folder: run, signal: stop.signal, onPreparation: () => stop.abort() });
    expect(early).toMatchObject({ complete: false, bundle: undefined });
    early.model.dispose();
    const resumed = await runTraining(volumetric, { folder: run, resume: true });
    expect(resumed.complete).toBe(true);
    resumed.model.dispose();
    expect(await recordsOf(run)).toEqual(await recordsOf(join(folder, "volumes")));
  });
});

it("there must be something to resume", async () => {
  const nothing = join(folder, "nothing");
  await expect(runTraining(configuration, { folder: nothing, resume: true })).rejects.toMatchObject({ code: "run.nothing" });
});

it("readRunConfiguration names the file that is missing, damaged or wrong", async () => {
  const path = join(folder, runFiles.configuration);
  await expect(readRunConfiguration(folder)).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining(path) });
  await writeFile(path, "{");
  await expect(readRunConfiguration(folder)).rejects.toMatchObject({ code: "run.configuration", message: expect.stringContaining(path) });
  await writeFile(path, JSON.stringify({ dataset: { name: "drive" }, trainign: {} }));
  await expect(readRunConfiguration(folder)).rejects.toMatchObject({ message: expect.stringContaining('Did you mean "training"?') });
});
