import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeNpz } from "@hidiff/core-tensor/files";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeHdf5 } from "../../containers/hdf5.ts";
import { synapseTest, synapseTrainSlices } from "../../splits/lists/synapse.ts";
import { openSynapse } from "./synapse.ts";
import { writeNifti } from "../volume-cases/fixtures.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-synapse-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const root = (): Promise<string> => mkdtemp(join(folder, "root-"));

/** A training slice of 2×3 pixels. */
async function slice(root: string, id: string, label = [0, 1, 2, 3, 4, 8], image = [0, 0.25, 0.5, 0.75, 1, 0.1]): Promise<void> {
  await mkdir(join(root, "train_npz"), { recursive: true });
  const arrays = new Map([
    ["image", { shape: [2, 3], data: Float64Array.from(image) }],
    ["label", { shape: [2, 3], data: Float32Array.from(label) }],
  ]);
  await writeFile(join(root, "train_npz", `${id}.npz`), encodeNpz(arrays));
}

/** A test volume; label = slice number. */
async function volume(root: string, id: string, shape: readonly number[] = [4, 2, 3]): Promise<void> {
  await mkdir(join(root, "test_vol_h5"), { recursive: true });
  const count = shape.reduce((product, size) => product * size, 1);
  const image = Float32Array.from({ length: count }, (_, i) => i / 100);
  const label = Float32Array.from({ length: count }, (_, i) => Math.floor((i * shape[0]!) / count));
  await writeHdf5(join(root, "test_vol_h5", `${id}.npy.h5`), new Map([["image", { shape, data: image }], ["label", { shape, data: label }]]));
}

async function lists(root: string, train: readonly string[], test: readonly string[], where = "lists_Synapse"): Promise<void> {
  await mkdir(join(root, where), { recursive: true });
  await writeFile(join(root, where, "train.txt"), `${train.join("\n")}\n`);
  await writeFile(join(root, where, "test_vol.txt"), test.join("\r\n"));
}

const numbered = (patient: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${patient}_slice${String(i).padStart(3, "0")}`);

describe("openSynapse on TransUNet's preprocessed files", () => {
  let small = "";
  beforeAll(async () => {
    small = await root();
    for (const id of [...numbered("case0005", 3), ...numbered("case0006", 2), ...numbered("case0040", 1)]) await slice(small, id);
    for (const id of ["case0001", "case0038"]) await volume(small, id);
    await writeFile(join(small, "train_npz", "._case0005_slice000.npz"), "litter");
  });

  it("follows the published split and reads slices and volumes", async () => {
    const dataset = await openSynapse(small);
    expect(dataset.splits).toEqual({
      train: [...numbered("case0005", 3), ...numbered("case0006", 2), ...numbered("case0040", 1)],
      validation: [],
      test: ["case0001", "case0038"],
    });
    expect(dataset).toMatchObject({ name: "synapse", imageChannels: 1, classes: 9 });
    expect(dataset.preprocessing).toEqual([{ step: "resize", height: 256, width: 256, image: "cubic" }]);
    expect(dataset.classNames.slice(0, 2)).toEqual(["background", "aorta"]);
    expect(dataset.groups!.get("case0006_slice001")).toBe("case0006");
    expect([dataset.depthOf("case0005_slice002"), dataset.depthOf("case0038")]).toEqual([1, 4]);

    const { image, labels } = await dataset.load("case0005_slice001");
    expect(image).toMatchObject({ depth: 1, height: 2, width: 3, channels: 1, spacing: [1, 1, 1], outside: [0] });
    expect(Array.from(image.slice(0))).toEqual([0, 0.25, 0.5, 0.75, 1, 0.1].map(Math.fround));
    expect(Array.from(labels.slice(0))).toEqual([0, 1, 2, 3, 4, 8]);
    image.slice(0)[0] = 9;
    expect(image.slice(0)[0]).toBe(0);

    const test = await dataset.load("case0001");
    expect(test.image).toMatchObject({ depth: 4, height: 2, width: 3 });
    expect(Array.from(test.image.slice(2))).toEqual([0.12, 0.13, 0.14, 0.15, 0.16, 0.17].map(Math.fround));
    expect(Array.from(test.labels.slice(3))).toEqual([3, 3, 3, 3, 3, 3]);
    expect(() => test.image.slice(4)).toThrow(/case0001\.npy\.h5" has the slices 0 to 3, got 4/);
    await expect(dataset.load("case0002")).rejects.toMatchObject({ code: "datasets.id" });
    expect(() => dataset.depthOf("case0002")).toThrow(/case0002/);
  });

  it("notes what differs from the publication, and refuses it if strict", async () => {
    const { notes } = await openSynapse(small);
    const text = notes!.join("\n");
    expect(text).toMatch(/15 of the 18 published training cases are missing: case0007.*\n10 of the 12 published test cases.*\n"case0005" has 3 slices; 117/);
    expect(text).toContain("There are 6 training slices; 2211 are published.");
    await expect(openSynapse(small, { strict: true })).rejects.toMatchObject({ code: "datasets.published", message: expect.stringContaining("2211") });
  });

  it("takes validation by patient", async () => {
    const dataset = await openSynapse(small, { validation: 1 });
    expect(dataset.splits).toMatchObject({ train: [...numbered("case0005", 3), ...numbered("case0006", 2)], validation: numbered("case0040", 1) });
    expect((await openSynapse(small, { validation: ["case0005"] })).splits.validation).toEqual(numbered("case0005", 3));
    await expect(openSynapse(small, { validation: 3 })).rejects.toMatchObject({ code: "datasets.option" });
    await expect(openSynapse(small, { validation: ["case0001"] })).rejects.toThrow(/case0001/);
  });

  it("opens the whole published data set without a note", async () => {
    const full = await root();
    await mkdir(join(full, "train_npz"));
    const ids = Object.entries(synapseTrainSlices).flatMap(([patient, count]) => numbered(patient, count));
    await Promise.all(ids.map((id) => writeFile(join(full, "train_npz", `${id}.npz`), "")));
    for (const id of synapseTest) await volume(full, id, [1, 2, 2]);
    const dataset = await openSynapse(full, { strict: true, validation: 2, size: null });
    expect([dataset.splits.train.length, dataset.splits.validation.length, dataset.splits.test.length]).toEqual([2211 - 90 - 195, 285, 12]);
    expect(dataset.notes).toEqual([]);
    expect(dataset.preprocessing).toEqual([]);
  });

  it("follows the lists in the root or elsewhere, and checks them", async () => {
    for (const where of ["lists_Synapse", "lists/lists_Synapse", "mine"]) {
      const own = await root();
      for (const id of [...numbered("case0101", 2), ...numbered("case0102", 1)]) await slice(own, id);
      await volume(own, "case0103");
      await volume(own, "case0104");
      await lists(own, ["case0102_slice000", "case0101_slice001"], ["case0104"], where);
      const dataset = await openSynapse(own, where === "mine" ? { lists: join(own, "mine") } : {});
      expect(dataset.splits).toEqual({ train: ["case0102_slice000", "case0101_slice001"], validation: [], test: ["case0104"] });
      expect(dataset.notes!.at(-1)).toContain("case0103");

      await lists(own, ["case0101_slice001"], ["case0105"], where);
      const options = where === "mine" ? { lists: join(own, "mine") } : {};
      await expect(openSynapse(own, options)).rejects.toThrow(/test_vol\.txt" names 1 cases without a file .*case0105\.npy\.h5/);
      await lists(own, ["../case0101_slice001"], ["case0104"], where);
      await expect(openSynapse(own, options)).rejects.toMatchObject({ code: "datasets.list" });
      await volume(own, "case0101");
      await lists(own, ["case0101_slice001"], ["case0101"], where);
      await expect(openSynapse(own, options)).rejects.toMatchObject({ code: "datasets.overlap", message: expect.stringContaining("case0101") });
    }
  });

  it("names a patient whose slices have gaps", async () => {
    const own = await root();
    for (const id of ["case0005_slice000", "case0005_slice003"]) await slice(own, id);
    await expect(openSynapse(own)).rejects.toThrow(/train_npz" lacks 2 slices of "case0005" between 0 and 3: number 1, 2/);
    await lists(own, ["case0005_slice000", "case0005_slice003"], []);
    expect((await openSynapse(own)).splits.train).toHaveLength(2);
  });

  it("refuses values, labels and shapes out of order, naming the file", async () => {
    const own = await root();
    await slice(own, "case0005_slice000", [0, 13, 9, 9, 1, 1]);
    await slice(own, "case0005_slice001", [0, 0, 0, 0, 0, 0], [0, 0, -125, 0, 0, 0]);
    await slice(own, "case0005_slice002", [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, Number.NaN, 0]);
    await slice(own, "case0005_slice003", [0, 0.5, 0, 0, 0, 0]);
    await writeFile(join(own, "train_npz/case0005_slice004.npz"), encodeNpz(new Map([["image", { shape: [1, 2], data: new Float32Array(2) }]])));
    const different = new Map([["image", { shape: [2, 3], data: new Float32Array(6) }], ["label", { shape: [3, 2], data: new Uint8Array(6) }]]);
    await writeFile(join(own, "train_npz/case0005_slice005.npz"), encodeNpz(different));
    await writeFile(join(own, "train_npz/case0005_slice006.npz"), "PK");
    const dataset = await openSynapse(own);
    await expect(dataset.load("case0005_slice000")).rejects.toThrow(/slice000\.npz" holds the values 9, 13; expected only 0, 1, .*labels: "btcv"/);
    await expect(dataset.load("case0005_slice001")).rejects.toMatchObject({ code: "datasets.values", message: expect.stringMatching(/slice001.*-125/) });
    await expect(dataset.load("case0005_slice002")).rejects.toThrow(/slice002.*NaN/);
    await expect(dataset.load("case0005_slice003")).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringContaining("0.5") });
    await expect(dataset.load("case0005_slice004")).rejects.toThrow(/slice004\.npz" has no array "label"/);
    await expect(dataset.load("case0005_slice005")).rejects.toMatchObject({ code: "datasets.size", message: expect.stringContaining("[3, 2]") });
    await expect(dataset.load("case0005_slice006")).rejects.toThrow(/slice006\.npz/);

    const mapped = await openSynapse(own, { labels: "btcv" });
    expect(Array.from((await mapped.load("case0005_slice000")).labels.slice(0))).toEqual([0, 0, 0, 0, 7, 7]);
  });

  it("refuses volumes with the slices last, or leaves them out if asked", async () => {
    const own = await root();
    await volume(own, "case0001");
    await volume(own, "case0002", [4, 4, 3]);
    await expect(openSynapse(own)).rejects.toThrow(/case0002\.npy\.h5" have the shape \[4, 4, 3\], so that the slices seem to be the last axis/);
    const dataset = await openSynapse(own, { badFiles: "skip" });
    expect(dataset.splits).toEqual({ train: [], validation: [], test: ["case0001"] });
    expect(dataset.notes!.at(-1)).toMatch(/The case "case0002" is left out: .*\[4, 4, 3\]/);
  });

  it("says what it looked for", async () => {
    const empty = await root();
    await expect(openSynapse(empty)).rejects.toThrow(/"train_npz" and "test_vol_h5" nor a folder "img"/);
    await mkdir(join(empty, "train_npz"));
    await expect(openSynapse(empty)).rejects.toThrow(/case0005_slice000\.npz/);
    await slice(empty, "case0100_slice000");
    await expect(openSynapse(empty)).rejects.toThrow(/none of the published cases .* but case0100_slice000/);
    await expect(openSynapse(empty, { labels: "bctv" as "btcv" })).rejects.toThrow(/"bctv" is not one of transunet, btcv\. Did you mean "btcv"/);
  });
});

describe("openSynapse on the original CTs", () => {
  const shape = [3, 2, 14] as const;
  const ct = { shape, spacing: [3, 0.5, 0.75] as const, value: (slice: number, row: number, column: number) => 1000 * slice + 100 * row + column - 1000 };
  const organs = { shape, spacing: ct.spacing, value: (slice: number, row: number, column: number) => (slice === 1 && row === 0 ? column : 0) };

  async function ctFolder(parent: string, axes = "LPS", [images, labels] = ["img", "label"], numbers = [1, 5, 40]): Promise<string> {
    const own = await root();
    for (const number of numbers.map((value) => String(value).padStart(4, "0"))) {
      await writeNifti(join(own, parent, images!, `img${number}.nii.gz`), ct, axes);
      await writeNifti(join(own, parent, labels!, `label${number}.nii.gz`), organs, axes, "uint8");
    }
    return own;
  }

  it.each(["", "RawData/Training"])("finds them in %j, clips, and maps the 13 organs to 8", async (parent) => {
    const dataset = await openSynapse(await ctFolder(parent), { validation: 1 });
    expect(dataset.splits).toEqual({ train: ["case0005"], validation: ["case0040"], test: ["case0001"] });
    expect(dataset.depthOf("case0001")).toBe(3);
    expect(dataset.preprocessing).toEqual([
      { step: "clip", low: -125, high: 275, to: [0, 1] },
      { step: "resize", height: 256, width: 256, image: "cubic" },
    ]);
    const { image, labels } = await dataset.load("case0005");
    expect(image).toMatchObject({ depth: 3, height: 2, width: 14, channels: 1, outside: [-1024] });
    image.spacing.forEach((distance, axis) => expect(distance).toBeCloseTo(ct.spacing[axis]!, 5));
    expect(Array.from(image.slice(2))).toEqual(Array.from({ length: 28 }, (_, i) => ct.value(2, Math.floor(i / 14), i % 14)));
    expect(Array.from(labels.slice(1))).toEqual([0, 7, 4, 3, 2, 0, 5, 8, 1, 0, 0, 6, 0, 0, ...new Array<number>(14).fill(0)]);
    expect(labels.slice(0).every((value) => value === 0)).toBe(true);
  });

  it.each(["RAS", "LAS", "ASL", "PIR", "SPL"])("gives the same axial slices from a file stored as %s", async (axes) => {
    const { image, labels } = await (await openSynapse(await ctFolder("", axes))).load("case0001");
    expect([image.depth, image.height, image.width]).toEqual([...shape]);
    for (let slice = 0; slice < 3; slice++) {
      expect(Array.from(image.slice(slice))).toEqual(Array.from({ length: 28 }, (_, i) => ct.value(slice, Math.floor(i / 14), i % 14)));
    }
    expect(Array.from(labels.slice(1)).slice(0, 14)).toEqual([0, 7, 4, 3, 2, 0, 5, 8, 1, 0, 0, 6, 0, 0]);
  });

  it("takes TransUNet's lists", async () => {
    const own = await ctFolder("");
    await lists(own, ["case0040_slice000", "case0040_slice001", "case0001_slice000"], ["case0005"]);
    expect((await openSynapse(own)).splits).toEqual({ train: ["case0040", "case0001"], validation: [], test: ["case0005"] });
    await lists(own, ["case0040_slice000"], ["case0007"]);
    await expect(openSynapse(own)).rejects.toMatchObject({ code: "datasets.list", message: expect.stringContaining("case0007") });
    await lists(own, ["case0001_slice000"], ["case0001"]);
    await expect(openSynapse(own)).rejects.toMatchObject({ code: "datasets.overlap" });
  });

  it("pairs the averaged images with labels of their own names", async () => {
    const own = await root();
    await writeNifti(join(own, "averaged-training-images/DET0000101_avg.nii.gz"), ct);
    await writeNifti(join(own, "averaged-training-labels/DET0000101_avg_seg.nii.gz"), organs, "LPS", "uint8");
    await expect(openSynapse(own)).rejects.toThrow(/none of the published cases .* but DET0000101_avg/);
    await lists(own, [], ["DET0000101_avg"]);
    const dataset = await openSynapse(own);
    expect(dataset.splits.test).toEqual(["DET0000101_avg"]);
    expect((await dataset.load("DET0000101_avg")).labels.slice(1)[1]).toBe(7);
  });

  it("names the CT without a label, and the files whose grids or labels are wrong", async () => {
    const own = await ctFolder("");
    await rm(join(own, "label/label0040.nii.gz"));
    await expect(openSynapse(own)).rejects.toThrow(/img0040\.nii\.gz" has no label file: expected ".*label0040\.nii\.gz"/);
    await writeNifti(join(own, "label/label0040.nii.gz"), { ...organs, shape: [3, 2, 13] }, "LPS", "uint8");
    await writeNifti(join(own, "label/label0005.nii.gz"), { ...organs, value: () => 14 }, "LPS", "uint8");
    const dataset = await openSynapse(own);
    await expect(dataset.load("case0040")).rejects.toThrow(/label0040\.nii\.gz.*img0040\.nii\.gz|img0040\.nii\.gz.*label0040\.nii\.gz/);
    const wrong = { code: "datasets.labels", message: expect.stringMatching(/label0005\.nii\.gz" holds the value 14/) };
    await expect(dataset.load("case0005")).rejects.toMatchObject(wrong);
    await writeFile(join(own, "img/img0001.nii"), "");
    await expect(openSynapse(own)).rejects.toThrow(/img0001\.nii.*same name/);
    await rename(join(own, "img/img0001.nii"), join(own, "img/case0001.nii"));
    await expect(openSynapse(own)).rejects.toThrow(/case0001\.nii" and ".*img0001\.nii\.gz" are both "case0001"/);
  });
});
