import { describe, expect, it } from "vitest";
import { tinyVolumes } from "../testing/tiny-volumes.ts";
import { syntheticFundus } from "../synthetic/synthetic-fundus.ts";
import type { ImageStack, LabelStack, SegmentationDataset } from "../types.ts";
import { prepareSamples } from "./prepare-samples.ts";

const depths = [6, 1, 4, 3];

/** A data set that counts how often its cases are read. */
function counted(options: Partial<Parameters<typeof tinyVolumes>[0]> = {}): { dataset: SegmentationDataset; loads: string[] } {
  const loads: string[] = [];
  return { dataset: tinyVolumes({ depths, onLoad: (id) => loads.push(id), ...options }), loads };
}

/** A data set of one case. */
function single(image: Partial<ImageStack>, labels: Partial<LabelStack> = {}): SegmentationDataset {
  const base = tinyVolumes({ depths: [2, 1] });
  return {
    ...base,
    load: async (id) => {
      const { fieldOfView: _, ...read } = await base.load(id);
      return { ...read, image: { ...read.image, ...image }, labels: { ...read.labels, ...labels } };
    },
  };
}

describe("prepareSamples", () => {
  it("lists the slices of volumes without reading them, and takes each from its place", async () => {
    const { dataset, loads } = counted();
    const samples = await prepareSamples(dataset);
    expect(loads).toEqual([]);
    expect(samples).toMatchObject({ name: "tiny-volumes", imageChannels: 2, classes: 3 });
    expect(samples.splits.train).toEqual([
      ...Array.from({ length: 6 }, (_, slice) => `case-0/00${slice}`),
      "case-1",
      ...Array.from({ length: 4 }, (_, slice) => `case-2/00${slice}`),
    ]);
    expect(samples.splits.validation).toHaveLength(3);
    const sample = await samples.load("case-2/003");
    expect(sample).toMatchObject({ id: "case-2/003", height: 12, width: 10, imageChannels: 2, classes: 3, outside: [-7, 0.5] });
    for (let pixel = 0; pixel < 120; pixel++) expect(sample.image[2 * pixel]).toBeCloseTo(203 + pixel / 1000, 4);
    expect(sample.fieldOfView).toBeUndefined();
    expect((await samples.load("case-0/000")).fieldOfView).toEqual(new Uint8Array(120).fill(1));
    await expect(samples.load("case-2/004")).rejects.toMatchObject({ code: "datasets.id" });
  });

  it("prepares priors with their images: linearly, limited to [0, 1], and summing to 1", async () => {
    const base = tinyVolumes({ depths: [2] });
    const grid = { depth: 2, height: 12, width: 10, spacing: [2, 1, 1], outside: [1, 0, 0] } as const;
    const prior = (channels: number, slice: ImageStack["slice"]): SegmentationDataset => ({
      ...base,
      splits: { train: ["case-0"], validation: [], test: [] },
      load: async (id) => ({ ...(await base.load(id)), prior: { ...grid, channels, slice } }),
    });
    // Sums to 1.25 before it is normalized.
    const dataset = prior(3, () => Float32Array.from({ length: 360 }, (_, i) => [0.25, 0.5, 0.5][i % 3]!));
    const samples = await prepareSamples(dataset, { preprocessing: [{ step: "resize", height: 24, width: 20, image: "cubic" }] });
    const sample = await samples.load("case-0/001");
    expect(sample.prior).toHaveLength(24 * 20 * 3);
    for (const [i, value] of sample.prior!.entries()) expect(value).toBeCloseTo([0.2, 0.4, 0.4][i % 3]!, 6);
    await expect((await prepareSamples(prior(2, () => new Float32Array(240)))).load("case-0/000")).rejects.toMatchObject({
      code: "datasets.channels",
      message: expect.stringMatching(/prior of "case-0" .* has 2 channels; expected one a class, 3/),
    });
    const flat = { ...dataset, load: async (id: string) => ({ ...(await base.load(id)), prior: { ...grid, height: 11, channels: 3, slice: () => new Float32Array(330) } }) };
    await expect((await prepareSamples(flat)).load("case-0/000")).rejects.toMatchObject({ code: "datasets.size", message: expect.stringContaining("the prior of") });
  });

  it("makes masks one-hot, with the background first", async () => {
    const { dataset } = counted();
    const { mask } = await (await prepareSamples(dataset)).load("case-0/002");
    const labels = (await dataset.load("case-0")).labels.slice(2);
    expect(new Set(labels)).toEqual(new Set([0, 1, 2]));
    for (let pixel = 0; pixel < 120; pixel++) {
      expect([...mask.subarray(3 * pixel, 3 * pixel + 3)]).toEqual([0, 1, 2].map((label) => (label === labels[pixel] ? 1 : 0)));
    }
  });

  it("keeps slices with foreground only, reading the volumes of the splits that are prepared once", async () => {
    const { dataset, loads } = counted();
    const progress: string[] = [];
    const options = { slices: "foreground", splits: ["train"], onProgress: (done: number, total: number) => progress.push(`${done}/${total}`) } as const;
    const samples = await prepareSamples(dataset, options);
    expect(samples.splits).toEqual({ train: ["case-0/002", "case-0/003", "case-1", "case-2/002"], validation: [], test: [] });
    expect(loads).toEqual(["case-0", "case-2"]); // photographs and the like always count
    expect(progress).toEqual(["1/2", "2/2"]);
    expect((await prepareSamples(dataset, { slices: "foreground" })).splits.validation).toEqual(["case-3/001"]);
  });

  it("preprocesses, and counts the slices that are left", async () => {
    const { dataset, loads } = counted();
    const samples = await prepareSamples(dataset, {
      preprocessing: [
        { step: "resample", spacing: [1, null, null], image: "linear" },
        { step: "crop-border", pixels: 2 },
      ],
    });
    expect(loads).toEqual(["case-0", "case-1", "case-2", "case-3"]);
    expect(samples.splits.validation).toHaveLength(6); // from 2 mm to 1 mm
    expect(await samples.load("case-3/005")).toMatchObject({ height: 8, width: 6 });
  });

  it("has one volume in memory at a time, and serves what is asked of it together", async () => {
    const { dataset, loads } = counted();
    const samples = await prepareSamples(dataset);
    const ids = ["case-0/000", "case-2/000", "case-0/005", "case-2/001", "case-0/001"];
    const loaded = await Promise.all(ids.map((id) => samples.load(id)));
    expect(loaded.map(({ id }) => id)).toEqual(ids);
    expect(loads).toEqual(["case-0", "case-2"]);
    await samples.load("case-2/003");
    expect(loads).toHaveLength(2);
    await samples.load("case-0/003");
    expect(loads).toHaveLength(3);
  });

  it("rejects with what is wrong with a case, when it is needed", async () => {
    const { dataset } = counted({ broken: ["case-2"] });
    const samples = await prepareSamples(dataset);
    await expect(samples.load("case-0/000")).resolves.toBeDefined();
    const error = { code: "datasets.case", message: 'load: "case-2" of "tiny-volumes" cannot be read: the file is truncated.' };
    await expect(samples.load("case-2/000")).rejects.toMatchObject(error);
    await expect(prepareSamples(dataset, { slices: "foreground" })).rejects.toMatchObject(error);
  });

  it("leaves out cases that cannot be read, once all were tried", async () => {
    const { dataset, loads } = counted({ broken: ["case-0", "case-3"] });
    const skipped: string[] = [];
    const samples = await prepareSamples(dataset, { badCases: "skip", onBadCase: (id, error) => skipped.push(`${id}: ${error.message}`) });
    expect(loads).toHaveLength(4);
    expect(skipped).toEqual(["case-0", "case-3"].map((id) => `${id}: load: "${id}" of "tiny-volumes" cannot be read: the file is truncated.`));
    expect(samples.splits).toEqual({ train: ["case-1", "case-2/000", "case-2/001", "case-2/002", "case-2/003"], validation: [], test: [] });
  });

  it.each([
    [single({ slice: () => new Float32Array(240).fill(Number.NaN) }), "datasets.values", /slice 1 of "case-0".* holds NaN/],
    [single({}, { slice: () => new Uint8Array(120).fill(3) }), "datasets.labels", /slice 1 of "case-0".* the label 3, but labels go from 0 to 2 \(background/],
    [single({}, { width: 9 }), "datasets.size", /labels of "case-0".* are 2×12×9 but the image is 2×12×10/],
    [single({ channels: 1 }), "datasets.channels", /"case-0" of "tiny-volumes" has 1 channels; its data set has 2/],
    [single({ depth: 1 }, { depth: 1 }), "datasets.slice", /has 1 slices after preprocessing, there is no slice 1/],
  ])("refuses case %#", async (dataset, code, message) => {
    const samples = await prepareSamples(dataset);
    await expect(samples.load("case-0/001")).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("finds invalid slices when it leaves out bad cases", async () => {
    const samples = await prepareSamples(single({}, { slice: (index) => new Uint8Array(120).fill(index === 1 ? 9 : 0) }), { badCases: "skip" });
    expect(samples.splits).toEqual({ train: [], validation: ["case-1"], test: [] });
  });

  it("stops between two cases", async () => {
    const { dataset, loads } = counted();
    const stop = new AbortController();
    await expect(prepareSamples(dataset, { badCases: "skip", signal: stop.signal, onProgress: () => stop.abort() })).rejects.toMatchObject({
      code: "datasets.stopped",
      message: expect.stringContaining("after 1 of 4 cases"),
    });
    expect(loads).toHaveLength(1);
  });

  it("gives photographs in [-1, 1], black outside", async () => {
    const samples = await prepareSamples(syntheticFundus({ count: { train: 1, validation: 0, test: 0 }, size: 32, seed: 1 }));
    const { image, outside, mask } = await samples.load("train-0");
    expect(outside).toEqual([-1, -1, -1]);
    expect(image.every((value) => value >= -1 && value <= 1)).toBe(true);
    expect(mask).toHaveLength(32 * 32);
  });
});
