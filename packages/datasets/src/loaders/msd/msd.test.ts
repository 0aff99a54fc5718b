import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openMsd } from "./msd.ts";
import { type CanonicalVolume, writeNifti } from "../volume-cases/fixtures.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-msd-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const root = (): Promise<string> => mkdtemp(join(folder, "root-"));
const id = (number: number): string => `liver_${number}`;
const shape = [2, 3, 4] as const;
const spacing = [2, 1, 0.5] as const;
const place = (slice: number, row: number, column: number): number => 100 * slice + 10 * row + column;
const image: CanonicalVolume = { shape, spacing, value: place };
const label: CanonicalVolume = { shape, spacing, value: (slice, row, column) => (slice === 1 && row === 0 ? column % 3 : 0) };

async function writeCase(root: string, number: number, axes = "RAS", volume = image, labels = label): Promise<void> {
  await writeNifti(join(root, "imagesTr", `${id(number)}.nii.gz`), volume, axes, "float32");
  await writeNifti(join(root, "labelsTr", `${id(number)}.nii.gz`), labels, axes, "uint8");
}

interface Description {
  readonly name?: string;
  readonly modality?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly training?: readonly { readonly image: string; readonly label: string }[];
}

async function describeTask(root: string, numbers: readonly number[], changes: Description = {}): Promise<void> {
  const training = numbers.map((number) => ({ image: `./imagesTr/${id(number)}.nii.gz`, label: `./labelsTr/${id(number)}.nii.gz` }));
  const description = {
    name: "Liver",
    tensorImageSize: "3D",
    modality: { "0": "CT" },
    labels: { "0": "background", "1": "liver", "2": "cancer" },
    numTraining: numbers.length,
    training,
    test: ["./imagesTs/liver_9.nii.gz"],
    ...changes,
  };
  await writeFile(join(root, "dataset.json"), JSON.stringify(description));
}

async function task(numbers: readonly number[], changes: Description = {}): Promise<string> {
  const own = await root();
  for (const number of numbers) await writeCase(own, number);
  await describeTask(own, numbers, changes);
  return own;
}

describe("openMsd with dataset.json", () => {
  it.each(["RAS", "LAS", "PIR", "SLP"])("reads cases, classes and modality, stored as %s", async (axes) => {
    const own = await root();
    await writeCase(own, 1, axes);
    await describeTask(own, [1]);
    const dataset = await openMsd(own);
    expect(dataset).toMatchObject({ name: "msd", imageChannels: 1, classes: 3, classNames: ["background", "liver", "cancer"], notes: [] });
    expect(dataset.preprocessing).toEqual([{ step: "clip", low: -125, high: 275, to: [-1, 1] }]);
    expect(dataset.splits).toEqual({ train: ["liver_1"], validation: [], test: [] });
    const loaded = await dataset.load("liver_1");
    expect(loaded.image).toMatchObject({ depth: 2, height: 3, width: 4, channels: 1, outside: [-1024] });
    loaded.image.spacing.forEach((distance, axis) => expect(distance).toBeCloseTo(spacing[axis]!, 5));
    expect(Array.from(loaded.image.slice(1))).toEqual(Array.from({ length: 12 }, (_, i) => place(1, Math.floor(i / 4), i % 4)));
    expect(Array.from(loaded.labels.slice(1))).toEqual([0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    await expect(dataset.load("liver_2")).rejects.toMatchObject({ code: "datasets.id" });
  });

  it("notes images that dataset.json does not name", async () => {
    const own = await task([1, 2, 3], { training: [{ image: "imagesTr/liver_1.nii.gz", label: "labelsTr/liver_1.nii.gz" }] });
    const { notes, splits } = await openMsd(own);
    expect(notes).toEqual(["2 images in imagesTr are not named by dataset.json and not used: liver_2, liver_3."]);
    expect(splits.train).toEqual(["liver_1"]);
  });

  it("cuts slices along another plane, with its depth and spacing", async () => {
    const own = await task([1]);
    const coronal = await openMsd(own, { plane: "coronal" });
    const sagittal = await openMsd(own, { plane: "sagittal" });
    expect(coronal.volumes).toEqual({ plane: "coronal", outside: -1024 });
    expect([coronal.depthOf("liver_1"), sagittal.depthOf("liver_1")]).toEqual([3, 4]);
    const front = (await coronal.load("liver_1")).image;
    expect(front.depth).toBe(3);
    expect(new Set([front.height, front.width])).toEqual(new Set([2, 4]));
    expect(front.spacing[0]).toBeCloseTo(1, 5);
    const side = (await sagittal.load("liver_1")).image;
    expect([side.depth, side.spacing[0]]).toEqual([4, 0.5]);
    // Each stored voxel is in each stack once.
    const sorted = (stack: typeof front): number[] => Array.from({ length: stack.depth }, (_, i) => Array.from(stack.slice(i))).flat().sort((a, b) => a - b);
    expect(sorted(side)).toEqual(sorted(front));
    await expect(openMsd(own, { plane: "oblique" as "axial" })).rejects.toMatchObject({ code: "config.invalid" });
  });

  it("reads several modalities from a 4-D file", async () => {
    const own = await root();
    const brain = { shape, channels: 2, value: (slice: number, row: number, column: number, channel: number) => place(slice, row, column) + 1000 * channel };
    await writeCase(own, 1, "LPS", brain, { ...label, spacing: [1, 1, 1] });
    await describeTask(own, [1], { name: "BRATS", modality: { "0": "FLAIR", "1": "T1w" } });
    const dataset = await openMsd(own, { size: 64 });
    expect(dataset).toMatchObject({ imageChannels: 2, channelNames: ["FLAIR", "T1w"] });
    expect(dataset.preprocessing).toEqual([
      { step: "percentile", low: 0.5, high: 99.5, region: "nonzero", to: [-1, 1] },
      { step: "resize", height: 64, width: 64, image: "cubic" },
    ]);
    const { image } = await dataset.load("liver_1");
    expect(image).toMatchObject({ channels: 2, outside: [0, 0] });
    expect(Array.from(image.slice(1)).slice(8, 12)).toEqual([110, 1110, 111, 1111]);
    await describeTask(own, [1], { modality: { "0": "CT" } });
    await expect((await openMsd(own)).load("liver_1")).rejects.toThrow(/liver_1\.nii\.gz.*2 channels.*expected 1/);
  });

  it("splits 80/10/10 by seed, by folds, or by lists", async () => {
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    const own = await task(numbers);
    const { splits } = await openMsd(own, { seed: 5 });
    expect([splits.train.length, splits.validation.length, splits.test.length]).toEqual([8, 1, 1]);
    expect([...splits.train, ...splits.validation, ...splits.test].sort()).toEqual(numbers.map(id));
    expect((await openMsd(own, { seed: 5 })).splits).toEqual(splits);
    const tested: string[] = [];
    for (const fold of [0, 1, 2, 3, 4]) {
      const part = (await openMsd(own, { folds: { folds: 5, fold }, validation: 1 })).splits;
      expect([part.train.length, part.validation.length, part.test.length]).toEqual([7, 1, 2]);
      tested.push(...part.test);
    }
    expect(tested.sort()).toEqual(numbers.map(id));
    await expect(openMsd(own, { folds: { folds: 5, fold: 5 } })).rejects.toMatchObject({ code: "datasets.option" });
    await writeFile(join(own, "a.txt"), "liver_3\nliver_1\n");
    await writeFile(join(own, "b.txt"), "liver_2\n");
    expect((await openMsd(own, { lists: { train: join(own, "a.txt"), test: join(own, "b.txt") } })).splits).toEqual({
      train: ["liver_3", "liver_1"],
      validation: [],
      test: ["liver_2"],
    });
  });

  it("does not follow paths out of its folder", async () => {
    const outside = await task([1]);
    const sibling = `../${basename(outside)}/imagesTr/liver_1.nii.gz`;
    for (const path of [sibling, join(outside, "imagesTr/liver_1.nii.gz"), "./imagesTr/../../liver_1.nii.gz"]) {
      const own = await task([1], { training: [{ image: path, label: "./labelsTr/liver_1.nii.gz" }] });
      await expect(openMsd(own)).rejects.toMatchObject({ code: "datasets.path", message: expect.stringContaining("dataset.json") });
      await describeTask(own, [1], { training: [{ image: "./imagesTr/liver_1.nii.gz", label: path }] });
      await expect(openMsd(own)).rejects.toMatchObject({ code: "datasets.path" });
    }
    const own = await task([1]);
    await rm(join(own, "imagesTr"), { recursive: true });
    await symlink(join(outside, "imagesTr"), join(own, "imagesTr"));
    await expect(openMsd(own)).rejects.toMatchObject({ code: "datasets.path" });
  });

  it("says what is wrong with the description", async () => {
    const own = await task([1]);
    await writeFile(join(own, "dataset.json"), '{"name": ');
    await expect(openMsd(own)).rejects.toMatchObject({ code: "datasets.description", message: expect.stringContaining("dataset.json") });
    await writeFile(join(own, "dataset.json"), '{"channel_names": {}}');
    await expect(openMsd(own)).rejects.toMatchObject({ code: "config.invalid", message: expect.stringMatching(/dataset\.json.*modality.*labels.*training/) });
    await describeTask(own, [1], { labels: { "1": "liver", "2": "cancer" } });
    await expect(openMsd(own)).rejects.toThrow(/must name the background 0/);
    await describeTask(own, [1, 1]);
    await expect(openMsd(own)).rejects.toThrow(/names the case "liver_1" twice/);
    await describeTask(own, [1, 2, 3]);
    await expect(openMsd(own)).rejects.toThrow(/there is no image ".*liver_2\.nii\.gz"/);
    const rest = await openMsd(own, { badFiles: "skip" });
    expect(Object.values(rest.splits).flat()).toEqual(["liver_1"]);
    expect(rest.notes).toHaveLength(2);
  });
});

describe("openMsd on its folders alone", () => {
  it("finds pairs, channels and classes in the files, and ignores what macOS leaves", async () => {
    const own = await root();
    for (const number of [1, 2, 3]) await writeCase(own, number);
    await writeFile(join(own, "imagesTr", "._liver_1.nii.gz"), "litter");
    await writeFile(join(own, "labelsTr", "._liver_1.nii.gz"), "litter");
    await writeNifti(join(own, "labelsTr", "liver_4.nii.gz"), label);
    const dataset = await openMsd(own);
    expect(dataset).toMatchObject({ imageChannels: 1, classes: 3, classNames: ["background", "class 1", "class 2"] });
    expect(dataset.preprocessing).toEqual([{ step: "percentile", low: 0.5, high: 99.5, region: "all", to: [-1, 1] }]);
    expect(Object.values(dataset.splits).map((ids) => ids.length)).toEqual([1, 1, 1]);
    expect(dataset.notes!.join()).toMatch(/1 files in ".*labelsTr" have no image and are not used: liver_4/);
    expect(Array.from((await dataset.load("liver_2")).labels.slice(1)).slice(0, 4)).toEqual([0, 1, 2, 0]);
    expect((await openMsd(own, { modality: "CT" })).preprocessing).toEqual([{ step: "clip", low: -1000, high: 1000, to: [-1, 1] }]);
    expect((await openMsd(own, { classes: ["background", "organ", "tumour"], preprocessing: [] })).classNames).toEqual(["background", "organ", "tumour"]);
  });

  it("takes one label for a binary task", async () => {
    const own = await root();
    const binary = { ...label, value: (slice: number) => slice };
    await writeCase(own, 1, "RAS", image, binary);
    const dataset = await openMsd(own);
    expect(dataset).toMatchObject({ classes: 1, classNames: ["foreground"] });
    expect(Array.from((await dataset.load("liver_1")).labels.slice(1))).toEqual(new Array(12).fill(1));
  });

  it("names labels that it cannot make out, or that are not among the given classes", async () => {
    const own = await root();
    await writeCase(own, 1);
    await writeCase(own, 2, "RAS", image, { ...label, value: (slice) => 4 * slice });
    await expect(openMsd(own)).rejects.toThrow(/hold the values 0, 1, 2, 4 \(4 in ".*liver_2\.nii\.gz"\); expected 0, 1, 2, … without a gap/);
    const dataset = await openMsd(own, { classes: 3 });
    const wrong = { code: "datasets.labels", message: expect.stringMatching(/liver_2\.nii\.gz" holds the value 4/) };
    await expect(dataset.load("liver_2")).rejects.toMatchObject(wrong);
    await expect(openMsd(own, { classes: 1 })).rejects.toMatchObject({ code: "config.invalid" });
  });

  it("names missing partners, other grids and unreadable headers", async () => {
    const own = await root();
    await writeCase(own, 1);
    await writeCase(own, 2, "RAS", image, { ...label, shape: [2, 3, 5] });
    await rm(join(own, "labelsTr/liver_1.nii.gz"));
    await expect(openMsd(own, { classes: 3 })).rejects.toThrow(/liver_1\.nii\.gz" has no label file: expected ".*labelsTr.liver_1\.nii\.gz"/);
    const rest = await openMsd(own, { classes: 3, badFiles: "skip" });
    await expect(rest.load("liver_2")).rejects.toThrow(/labelsTr.liver_2\.nii\.gz/);
    await writeFile(join(own, "imagesTr/liver_2.nii.gz"), "no gzip");
    await expect(openMsd(own, { classes: 3, badFiles: "skip" })).rejects.toThrow(/none of the 2 cases .* can be read/);
    await expect(openMsd(await root())).rejects.toThrow(/imagesTr".*Expected a Decathlon task/);
    const empty = await root();
    await mkdir(join(empty, "imagesTr"));
    await mkdir(join(empty, "labelsTr"));
    await expect(openMsd(empty)).rejects.toThrow(/holds no volume; expected files like "hippocampus_001\.nii\.gz"/);
  });
});
