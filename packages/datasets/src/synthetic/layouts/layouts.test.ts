import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../../node-datasets.ts";
import { readImage } from "../../raster/read-image.ts";
import type { LabelStack, SegmentationCase } from "../../types.ts";
import { readVolume } from "../../volumes/read-volume.ts";
import { btcvToSynapse } from "../abdomen.ts";
import { drawBrats2021 } from "./brats2021.ts";
import { chaseSize } from "./chase-db1.ts";
import { cvcCamera, cvcFrames } from "./cvc-clinicdb.ts";
import { driveSize } from "./drive.ts";
import { drawFolder } from "./folder.ts";
import { drawFundusFiles } from "./fundus-files.ts";
import { drawKvasirSeg } from "./kvasir-seg.ts";
import { drawMsd } from "./msd.ts";
import { drawSynapse } from "./synapse.ts";
import { drawWhole } from "./whole-volume.ts";
import { type SyntheticKind, syntheticKinds, writeSynthetic, type WriteSyntheticOptions } from "./write-synthetic.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "hidiff-synthetic-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const seed = "layouts";

/** Writes once a kind; returns the folder. */
const written = new Map<SyntheticKind, Promise<string>>();
function folderOf(kind: SyntheticKind, options: WriteSyntheticOptions): Promise<string> {
  const folder = join(root, kind);
  const pending = written.get(kind) ?? writeSynthetic(kind, folder, { seed, ...options }).then(() => folder);
  written.set(kind, pending);
  return pending;
}

async function listing(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/")).sort();
}

function intersectionOverUnion(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i] !== 0 && b[i] !== 0 ? 1 : 0;
    either += a[i] !== 0 || b[i] !== 0 ? 1 : 0;
  }
  return both / either;
}

function allSlices(stack: LabelStack): Uint8Array {
  const area = stack.height * stack.width;
  const all = new Uint8Array(stack.depth * area);
  for (let index = 0; index < stack.depth; index++) all.set(stack.slice(index), index * area);
  return all;
}

/** All values of one channel, slice by slice. */
function channelOf({ image }: SegmentationCase, channel: number): number[] {
  return Array.from({ length: image.depth }, (_, index) => Array.from(image.slice(index).filter((_value, i) => i % image.channels === channel))).flat();
}

/** Counts and names the splits of a data set. */
const lengths = (splits: Readonly<Record<string, readonly string[]>>): number[] => [splits.train!.length, splits.validation!.length, splits.test!.length];

describe("writeSynthetic", () => {
  it("drive: TIFF images, GIF masks of two observers and fields of view", async () => {
    const folder = await folderOf("drive", { size: 64, count: { train: 2, test: 2 } });
    expect(await listing(folder)).toEqual([
      "hidiff-synthetic.json",
      "test/1st_manual/01_manual1.gif",
      "test/1st_manual/02_manual1.gif",
      "test/2nd_manual/01_manual2.gif",
      "test/2nd_manual/02_manual2.gif",
      "test/images/01_test.tif",
      "test/images/02_test.tif",
      "test/mask/01_test_mask.gif",
      "test/mask/02_test_mask.gif",
      "training/1st_manual/21_manual1.gif",
      "training/1st_manual/22_manual1.gif",
      "training/images/21_training.tif",
      "training/images/22_training.tif",
      "training/mask/21_training_mask.gif",
      "training/mask/22_training_mask.gif",
    ]);
    const [width, height] = driveSize(64);
    expect([driveSize(565), width, height]).toEqual([[565, 584], 64, 66]);
    const dataset = await openDataset({ name: "drive", root: folder });
    expect(dataset.splits).toEqual({ train: ["21_training", "22_training"], validation: [], test: ["01_test", "02_test"] });
    for (const id of ["21_training", "02_test"]) {
      const drawn = drawFundusFiles(seed, id, width, height);
      const { image, labels, fieldOfView } = await dataset.load(id);
      expect(image.slice(0)).toEqual(Float32Array.from(drawn.image.data));
      expect(labels.slice(0)).toEqual(drawn.first);
      expect(fieldOfView!.slice(0)).toEqual(drawn.fieldOfView);
    }
    const second = await (await openDataset({ name: "drive", root: folder, observer: 2 })).load("01_test");
    const agreement = intersectionOverUnion(second.labels.slice(0), drawFundusFiles(seed, "01_test", width, height).first);
    expect(agreement).toBeGreaterThan(0.4);
    expect(agreement).toBeLessThan(0.97);
  });

  it("chase-db1: JPEG images and PNG masks of one bit by two observers", async () => {
    const folder = await folderOf("chase-db1", { size: 72, count: { train: 4, test: 2 } });
    const ids = ["Image_01L", "Image_01R", "Image_02L", "Image_02R", "Image_03L", "Image_03R"];
    expect(await listing(folder)).toEqual([...ids.flatMap((id) => [`${id}.jpg`, `${id}_1stHO.png`, `${id}_2ndHO.png`]), "hidiff-synthetic.json"].sort());
    const [width, height] = chaseSize(72);
    expect(chaseSize(999)).toEqual([999, 960]);
    const bytes = await readFile(join(folder, "Image_01L_1stHO.png"));
    expect([bytes[24], bytes[25]]).toEqual([1, 0]); // one bit, grey
    const dataset = await openDataset({ name: "chase-db1", root: folder, test: 2 });
    expect(lengths(dataset.splits)).toEqual([4, 0, 2]);
    for (const id of ids.slice(2, 4)) {
      const drawn = drawFundusFiles(seed, id, width, height);
      const { image, labels } = await dataset.load(id);
      expect(labels.slice(0)).toEqual(drawn.first);
      const error = image.slice(0).reduce((sum, value, i) => sum + Math.abs(value - drawn.image.data[i]!), 0) / (width * height * 3);
      expect(error).toBeLessThan(4);
      const agreement = intersectionOverUnion(drawn.first, drawn.second);
      expect(agreement).toBeGreaterThan(0.4);
      expect(agreement).toBeLessThan(0.97);
      const other = await (await openDataset({ name: "chase-db1", root: folder, test: 2, observer: 2 })).load(id);
      expect(other.labels.slice(0)).toEqual(drawn.second);
    }
  });

  it("kvasir-seg: JPEG images and masks of mixed sizes, with lists", async () => {
    const folder = await folderOf("kvasir-seg", { size: 64, count: { train: 3, validation: 1, test: 2 } });
    const dataset = await openDataset({ name: "kvasir-seg", root: folder });
    expect(lengths(dataset.splits)).toEqual([3, 1, 2]);
    const ids = Object.values(dataset.splits).flat();
    expect(ids.every((id) => /^cju[0-9a-z]{22}$/.test(id))).toBe(true);
    expect(await listing(folder)).toEqual(
      [...ids.flatMap((id) => [`images/${id}.jpg`, `masks/${id}.jpg`]), "hidiff-synthetic.json", "test.txt", "train.txt", "val.txt"].sort(),
    );
    const sizes = new Set<string>();
    for (const id of ids) {
      const drawn = drawKvasirSeg(seed, id, 64);
      const { image, labels } = await dataset.load(id);
      expect([image.width, image.height]).toEqual([drawn.width, drawn.height]);
      sizes.add(`${image.width}×${image.height}`);
      expect(intersectionOverUnion(labels.slice(0), drawn.mask)).toBeGreaterThan(0.98);
    }
    expect(sizes.size).toBeGreaterThan(3);
    // As in the original, compression leaves more than two values in the masks.
    expect(new Set((await readImage(join(folder, "masks", `${ids[0]!}.jpg`))).data).size).toBeGreaterThan(2);
  });

  it("cvc-clinicdb: numbered frames, of which neighbours resemble each other", async () => {
    expect(cvcFrames(7)).toEqual([1, 2, 3, 26, 27, 51, 52]);
    expect(cvcFrames(612)).toEqual(Array.from({ length: 612 }, (_, index) => index + 1));
    const folder = await folderOf("cvc-clinicdb", { size: 64, count: { train: 12 } });
    const frames = [1, 2, 3, 26, 27, 28, 51, 52, 53, 68, 69, 70];
    expect(await listing(folder)).toEqual([...frames.flatMap((frame) => [`Original/${frame}.tif`, `Ground Truth/${frame}.tif`]), "hidiff-synthetic.json"].sort());
    const dataset = await openDataset({ name: "cvc-clinicdb", root: folder });
    expect(lengths(dataset.splits)).toEqual([6, 3, 3]);
    const camera = cvcCamera(seed, 64);
    const images = new Map<number, Float32Array>();
    for (const frame of frames) {
      const { image, labels } = await dataset.load(String(frame));
      expect([image.width, image.height]).toEqual([64, 48]);
      expect(labels.slice(0)).toEqual(camera(frame).mask);
      images.set(frame, image.slice(0));
    }
    const difference = (a: number, b: number): number => images.get(a)!.reduce((sum, value, i) => sum + Math.abs(value - images.get(b)![i]!), 0);
    for (const frame of [1, 2, 26, 27, 51, 52, 68, 69]) {
      for (const other of frames.filter((number) => Math.abs(number - frame) > 3)) expect(difference(frame, frame + 1)).toBeLessThan(0.6 * difference(frame, other));
    }
  });

  it("synapse: slices and volumes of TransUNet with the published names", async () => {
    const options = { size: 40, depth: 4 };
    const folder = await folderOf("synapse", { ...options, count: { train: 2, test: 1 } });
    const slices = ["case0005", "case0006"].flatMap((id) => [0, 1, 2, 3].map((index) => `${id}_slice00${index}`));
    expect(await listing(folder)).toEqual([
      "hidiff-synthetic.json",
      "lists_Synapse/test_vol.txt",
      "lists_Synapse/train.txt",
      "test_vol_h5/case0001.npy.h5",
      ...slices.map((name) => `train_npz/${name}.npz`),
    ]);
    const dataset = await openDataset({ name: "synapse", root: folder });
    expect(dataset.splits).toEqual({ train: slices, validation: [], test: ["case0001"] });
    expect(dataset.classes).toBe(9);
    const slice = await dataset.load("case0006_slice002");
    const drawn = drawSynapse(seed, "case0006", options).slice(2);
    expect(slice.labels.slice(0)).toEqual(drawn.labels.map((label) => btcvToSynapse[label]!));
    expect(slice.image.slice(0)).toEqual(drawn.image.map((value) => Math.fround(Math.min(1, Math.max(0, (value + 125) / 400)))));
    const volume = await dataset.load("case0001");
    const whole = drawWhole(drawSynapse(seed, "case0001", options));
    expect(allSlices(volume.labels)).toEqual(whole.labels.map((label) => btcvToSynapse[label]!));
    expect(dataset.depthOf("case0001")).toBe(4);
  });

  it("synapse-raw: the CTs of BTCV, and the same patients as in synapse", async () => {
    const options = { size: 40, depth: 4 };
    const folder = await folderOf("synapse-raw", { ...options, count: { train: 1, test: 1 } });
    const training = "RawData/Training";
    expect(await listing(folder)).toEqual([
      `${training}/img/img0001.nii.gz`,
      `${training}/img/img0005.nii.gz`,
      `${training}/label/label0001.nii.gz`,
      `${training}/label/label0005.nii.gz`,
      "hidiff-synthetic.json",
    ]);
    const stored = await readVolume(join(folder, training, "img/img0005.nii.gz"));
    expect(stored.data).toBeInstanceOf(Int16Array);
    expect(stored.geometry.direction).toEqual([1, 0, 0, 0, -1, 0, 0, 0, 1]);
    const dataset = await openDataset({ name: "synapse", root: folder });
    expect(dataset.splits).toEqual({ train: ["case0005"], validation: [], test: ["case0001"] });
    const found = await dataset.load("case0005");
    const whole = drawWhole(drawSynapse(seed, "case0005", options));
    expect(allSlices(found.labels)).toEqual(whole.labels.map((label) => btcvToSynapse[label]!));
    expect(channelOf(found, 0)).toEqual([...whole.channels[0]!]);
    found.image.spacing.forEach((distance, axis) => expect(distance).toBeCloseTo(whole.spacing[axis]!, 4));
  });

  it("brats2021: four sequences and labels in a folder of each case", async () => {
    const options = { size: 40, depth: 13 };
    const folder = await folderOf("brats2021", { ...options, count: { train: 3 } });
    const ids = ["BraTS2021_00000", "BraTS2021_00001", "BraTS2021_00002"];
    expect(await listing(folder)).toEqual([...ids.flatMap((id) => ["flair", "seg", "t1", "t1ce", "t2"].map((name) => `${id}/${id}_${name}.nii.gz`)), "hidiff-synthetic.json"]);
    const stored = await readVolume(join(folder, ids[0]!, `${ids[0]!}_t1.nii.gz`));
    expect(stored.data).toBeInstanceOf(Int16Array);
    expect(stored.geometry.direction).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(stored.geometry.origin).toEqual([-0, -39 * 6, 0].map((value) => value + 0));
    const dataset = await openDataset({ name: "brats2021", root: folder });
    expect(dataset).toMatchObject({ classes: 4, imageChannels: 4, channelNames: ["t1", "t1ce", "t2", "flair"] });
    expect(Object.values(dataset.splits).flat().sort()).toEqual(ids);
    const found = await dataset.load(ids[1]!);
    const whole = drawWhole(drawBrats2021(seed, ids[1]!, options));
    expect(allSlices(found.labels)).toEqual(whole.labels.map((label) => (label === 4 ? 3 : label)));
    for (let channel = 0; channel < 4; channel++) expect(channelOf(found, channel)).toEqual([...whole.channels[channel]!]);
  });

  it("msd: the hippocampus task with its description", async () => {
    const folder = await folderOf("msd", { count: { train: 4, test: 1 } });
    const names = [1, 2, 3, 4].map((number) => `hippocampus_00${number}`);
    expect(await listing(folder)).toEqual([
      "dataset.json",
      "hidiff-synthetic.json",
      ...names.map((name) => `imagesTr/${name}.nii.gz`),
      "imagesTs/hippocampus_005.nii.gz",
      ...names.map((name) => `labelsTr/${name}.nii.gz`),
    ].sort());
    const dataset = await openDataset({ name: "msd", root: folder });
    expect(dataset).toMatchObject({ classes: 3, classNames: ["background", "Anterior", "Posterior"] });
    expect(Object.values(dataset.splits).flat().sort()).toEqual(names);
    const types = new Set<string>();
    for (const name of names) {
      const found = await dataset.load(name);
      const whole = drawWhole(drawMsd(seed, name));
      expect(allSlices(found.labels)).toEqual(whole.labels);
      const { data } = await readVolume(join(folder, "imagesTr", `${name}.nii.gz`));
      types.add(data.constructor.name);
      const drawn = whole.channels[0]!;
      expect(channelOf(found, 0)).toEqual([...(data instanceof Uint8Array ? drawn.map(Math.round) : drawn)]);
    }
    expect([...types].every((type) => type === "Uint8Array" || type === "Float32Array")).toBe(true);
  });

  it("folder: pictures of one's own with a description", async () => {
    const folder = await folderOf("folder", { size: 48, count: { train: 2, validation: 1, test: 1 } });
    const ids = [1, 2, 3, 4].map((number) => `colon-00${number}`);
    expect(await listing(folder)).toEqual([
      "hidiff-dataset.yaml",
      "hidiff-synthetic.json",
      ...ids.map((id) => `images/${id}.png`),
      ...ids.map((id) => `masks/${id}.png`),
      "test.txt",
      "train.txt",
      "validation.txt",
    ]);
    const dataset = await openDataset({ name: "folder", root: folder });
    expect(dataset).toMatchObject({ classes: 1, classNames: ["polyp"], splits: { train: ids.slice(0, 2), validation: [ids[2]], test: [ids[3]] } });
    for (const id of ids) {
      const drawn = drawFolder(seed, id, 48);
      const { image, labels } = await dataset.load(id);
      expect(image.slice(0)).toEqual(Float32Array.from(drawn.image));
      expect(labels.slice(0)).toEqual(drawn.mask);
    }
  });

  it("has a default of every kind that its loader opens with cases for training and testing", async () => {
    for (const kind of syntheticKinds) {
      const folder = join(root, "defaults", kind);
      await writeSynthetic(kind, folder, kind.startsWith("synapse") || kind === "brats2021" ? { size: 32, depth: 3 } : { size: 32 });
      const dataset = await openDataset({ name: kind === "synapse-raw" ? "synapse" : kind, root: folder, ...(kind === "chase-db1" ? { test: 2 } : {}) });
      expect(dataset.splits.train.length, kind).toBeGreaterThan(1);
      expect(dataset.splits.test.length, kind).toBeGreaterThan(0);
    }
  });

  it("writes the same bytes again, takes its old files away and leaves others alone", async () => {
    const folder = join(root, "again");
    const options = { seed: 3, size: 32, count: { train: 2, test: 1 } };
    const progress: string[] = [];
    const paths = await writeSynthetic("folder", folder, { ...options, onFile: ({ path, done, total }) => progress.push(`${done}/${total} ${path}`) });
    expect(progress).toEqual(paths.map((path, index) => `${index + 1}/${paths.length} ${path}`));
    const digest = async (): Promise<string[]> =>
      Promise.all((await listing(folder)).map(async (path) => `${path} ${createHash("sha256").update(await readFile(join(folder, path))).digest("hex")}`));
    const before = await digest();
    await writeSynthetic("folder", folder, options);
    expect(await digest()).toEqual(before);
    await writeFile(join(folder, "images", "mine.txt"), "mine");
    await writeSynthetic("folder", folder, { ...options, count: { train: 1 } });
    expect(await listing(folder)).toEqual(["hidiff-dataset.yaml", "hidiff-synthetic.json", "images/colon-001.png", "images/mine.txt", "masks/colon-001.png", "train.txt"]);
    // A file that it did not write stays.
    await writeFile(join(folder, "masks", "colon-002.png"), "mine");
    await expect(writeSynthetic("folder", folder, options)).rejects.toMatchObject({ code: "datasets.folder", message: expect.stringContaining("colon-002.png") });
    expect(await readFile(join(folder, "masks", "colon-002.png"), "utf8")).toBe("mine");
  });

  it("refuses folders with other content", async () => {
    const foreign = join(root, "foreign");
    await mkdir(foreign);
    await writeFile(join(foreign, "thesis.txt"), "only copy");
    await expect(writeSynthetic("folder", foreign)).rejects.toMatchObject({ code: "datasets.folder", message: expect.stringContaining(foreign) });
    expect(await listing(foreign)).toEqual(["thesis.txt"]);
    await expect(writeSynthetic("drive", await folderOf("folder", { size: 48, count: { train: 2, validation: 1, test: 1 } }))).rejects.toThrow(/holds the synthetic data set "folder", not "drive"/);
    // A marker that lists files outside of the folder deletes nothing there.
    const tricky = join(root, "tricky");
    await mkdir(tricky);
    await writeFile(join(tricky, "hidiff-synthetic.json"), JSON.stringify({ kind: "folder", files: ["../foreign/thesis.txt"] }));
    await expect(writeSynthetic("folder", tricky)).rejects.toMatchObject({ code: "datasets.path" });
    expect(await listing(foreign)).toEqual(["thesis.txt"]);
    await writeFile(join(tricky, "hidiff-synthetic.json"), "{");
    await expect(writeSynthetic("folder", tricky)).rejects.toMatchObject({ code: "datasets.folder", message: expect.stringContaining("damaged") });
    await expect(writeSynthetic("folder", join(foreign, "thesis.txt"))).rejects.toMatchObject({ code: "file.write" });
  });

  it("explains wrong options", async () => {
    const folder = join(root, "wrong");
    await expect(writeSynthetic("drives" as SyntheticKind, folder)).rejects.toMatchObject({ code: "datasets.option", message: expect.stringContaining('"drive"') });
    await expect(writeSynthetic("toString" as SyntheticKind, folder)).rejects.toMatchObject({ code: "datasets.option" });
    for (const options of [{ size: 31 }, { size: 64.5 }, { depth: 0 }, { count: { train: -1 } }, { count: {} }, { count: { train: 21 } }, { count: { validation: 1 } }]) {
      await expect(writeSynthetic("drive", folder, options)).rejects.toMatchObject({ code: "datasets.option" });
    }
    await expect(readdir(folder)).rejects.toThrow();
  });
});
