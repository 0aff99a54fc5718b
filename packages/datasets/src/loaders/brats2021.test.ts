import { link, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrats2021 } from "./brats2021.ts";
import { writeNifti } from "./volume-cases/fixtures.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-brats-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const shape = [2, 3, 4] as const;
const sequences = ["t1", "t1ce", "t2", "flair"];
const name = (number: number): string => `BraTS2021_${String(number).padStart(5, "0")}`;
const place = (slice: number, row: number, column: number): number => 100 * slice + 10 * row + column;
const tumour = (slice: number, row: number, column: number): number => (slice === 0 ? 0 : row === 1 ? [1, 2, 4, 0][column]! : 0);

/** A case whose sequence number s holds place + 1000·s; the enhancing tumour is 4. */
async function writeCase(root: string, number: number, axes = "LPS", extension = "nii.gz"): Promise<void> {
  const file = (sequence: string): string => join(root, name(number), `${name(number)}_${sequence}.${extension}`);
  for (const [s, sequence] of sequences.entries()) {
    await writeNifti(file(sequence), { shape, spacing: [2, 1, 1], value: (...position) => place(position[0], position[1], position[2]) + 1000 * s }, axes);
  }
  await writeNifti(file("seg"), { shape, spacing: [2, 1, 1], value: tumour }, axes, "uint8");
}

const root = (): Promise<string> => mkdtemp(join(folder, "root-"));

async function cases(count: number): Promise<string> {
  const own = await root();
  for (let number = 0; number < count; number++) await writeCase(own, number);
  return own;
}

describe("openBrats2021", () => {
  it.each(["LPS", "RAS", "AIR"])("reads four channels and maps label 4 to 3, stored as %s", async (axes) => {
    const own = await root();
    await writeCase(own, 7, axes, axes === "LPS" ? "nii.gz" : "nii");
    const dataset = await openBrats2021(own);
    expect(dataset).toMatchObject({ name: "brats2021", imageChannels: 4, channelNames: sequences, classes: 4, notes: [] });
    expect(dataset.classNames).toEqual(["background", "necrotic core", "oedema", "enhancing tumour"]);
    expect(dataset.preprocessing.map(({ step }) => step)).toEqual(["crop-border", "z-score", "resize"]);
    expect(dataset.splits).toEqual({ train: [name(7)], validation: [], test: [] });
    expect(dataset.depthOf(name(7))).toBe(2);
    const { image, labels } = await dataset.load(name(7));
    expect(image).toMatchObject({ depth: 2, height: 3, width: 4, channels: 4, outside: [0, 0, 0, 0] });
    image.spacing.forEach((distance, axis) => expect(distance).toBeCloseTo([2, 1, 1][axis]!, 5));
    for (const slice of [0, 1]) {
      const expected = Array.from({ length: 48 }, (_, i) => place(slice, Math.floor(i / 16), Math.floor(i / 4) % 4) + 1000 * (i % 4));
      expect(Array.from(image.slice(slice))).toEqual(expected);
    }
    expect(Array.from(labels.slice(1))).toEqual([0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0]);
    expect(Array.from(labels.slice(0)).every((value) => value === 0)).toBe(true);
    await expect(dataset.load("BraTS2021_00008")).rejects.toMatchObject({ code: "datasets.id" });
  });

  it("splits by seed, one test case in ten, and takes validation from the training cases", async () => {
    const own = await cases(10);
    const dataset = await openBrats2021(own, { seed: 3 });
    expect([dataset.splits.train.length, dataset.splits.validation.length, dataset.splits.test.length]).toEqual([9, 0, 1]);
    expect([...dataset.splits.train, ...dataset.splits.test].sort()).toEqual(Array.from({ length: 10 }, (_, i) => name(i)));
    expect((await openBrats2021(own, { seed: 3 })).splits).toEqual(dataset.splits);
    const seeds = await Promise.all([0, 1, 2, 3, 4, 5].map(async (seed) => (await openBrats2021(own, { seed })).splits.test[0]));
    expect(new Set(seeds).size).toBeGreaterThan(1);
    const validated = await openBrats2021(own, { seed: 3, validation: 2 });
    expect(validated.splits.test).toEqual(dataset.splits.test);
    expect([...validated.splits.train, ...validated.splits.validation]).toEqual(dataset.splits.train);
    expect(validated.splits.validation).toHaveLength(2);
  });

  it("splits the 1251 published cases into 1126 and 125, from one level deeper", async () => {
    const own = await root();
    const parent = join(own, "BraTS2021_Training_Data");
    await writeCase(parent, 0, "LPS", "nii");
    for (let number = 1; number < 1251; number++) {
      await mkdir(join(parent, name(number)));
      const links = [...sequences, "seg"].map((sequence) => [0, number].map((id) => join(parent, name(id), `${name(id)}_${sequence}.nii`)));
      await Promise.all(links.map(([existing, path]) => link(existing!, path!)));
    }
    const { splits, notes } = await openBrats2021(own);
    expect([splits.train.length, splits.validation.length, splits.test.length]).toEqual([1126, 0, 125]);
    expect(new Set([...splits.train, ...splits.test]).size).toBe(1251);
    expect(notes).toEqual([]);
  });

  it("follows list files and checks them", async () => {
    const own = await cases(3);
    const list = async (ids: readonly string[], file: string): Promise<string> => {
      await writeFile(join(own, file), `${ids.join("\n")}\n`);
      return join(own, file);
    };
    const train = await list([name(2)], "train.txt");
    const test = await list([name(0)], "test.txt");
    const validation = await list([name(1)], "validation.txt");
    expect((await openBrats2021(own, { lists: { train, validation, test } })).splits).toEqual({ train: [name(2)], validation: [name(1)], test: [name(0)] });
    expect((await openBrats2021(own, { lists: { train, test } })).splits).toEqual({ train: [name(2)], validation: [], test: [name(0)] });
    expect((await openBrats2021(own, { lists: { train, test } })).notes).toEqual([`1 of the 3 cases are in no list and not used: ${name(1)}.`]);
    await expect(openBrats2021(own, { lists: { train, test: train } })).rejects.toMatchObject({ code: "datasets.overlap" });
    const wrong = await list(["BraTS2021_00009"], "wrong.txt");
    await expect(openBrats2021(own, { lists: { train, test: wrong } })).rejects.toThrow(/wrong\.txt" names "BraTS2021_00009".*Did you mean "BraTS2021_00000"/);
    await expect(openBrats2021(own, { lists: { train, test: join(own, "absent.txt") } })).rejects.toMatchObject({ code: "file.read" });
  });

  it("passes over the litter of archives", async () => {
    const own = await root();
    await writeCase(join(own, "data"), 1, "LPS", "NII.GZ");
    await mkdir(join(own, "__MACOSX", name(1)), { recursive: true });
    await symlink(join(own, "nowhere"), join(own, "dangling"));
    for (const file of [".DS_Store", `._${name(1)}_seg.nii.gz`]) await writeFile(join(own, "data", name(1), file), "litter");
    const dataset = await openBrats2021(own);
    expect(dataset.splits.train).toEqual([name(1)]);
    expect((await dataset.load(name(1))).labels.slice(1)).toContain(3);
  });

  it("names missing sequences, or leaves the case out without changing the split of the others", async () => {
    const own = await cases(10);
    const whole = await openBrats2021(own);
    const bad = whole.splits.train[4]!;
    await rm(join(own, bad, `${bad}_t1ce.nii.gz`));
    await rm(join(own, bad, `${bad}_seg.nii.gz`));
    await expect(openBrats2021(own)).rejects.toMatchObject({
      code: "datasets.layout",
      message: expect.stringMatching(new RegExp(`${bad}" lacks t1ce, seg: expected "${bad}_t1ce\\.nii\\.gz", "${bad}_seg\\.nii\\.gz"`)),
    });
    const rest = await openBrats2021(own, { badFiles: "skip" });
    expect(rest.splits).toEqual({ ...whole.splits, train: whole.splits.train.filter((id) => id !== bad) });
    expect(rest.notes).toHaveLength(1);
    expect(rest.notes![0]).toContain(bad);
    expect(() => rest.depthOf(bad)).toThrow(/there is no case/);
  });

  it("names sequences on other grids and labels out of range", async () => {
    const own = await cases(5);
    const file = (number: number, sequence: string): string => join(own, name(number), `${name(number)}_${sequence}.nii.gz`);
    await writeNifti(file(0, "t2"), { shape: [2, 3, 5], value: place });
    await writeNifti(file(1, "flair"), { shape, spacing: [2, 1, 1.5], value: place });
    await writeNifti(file(2, "seg"), { shape: [1, 3, 4], spacing: [2, 1, 1], value: () => 0 }, "LPS", "uint8");
    await writeNifti(file(3, "seg"), { shape, spacing: [2, 1, 1], value: (slice) => 3 * slice }, "LPS", "uint8");
    await writeNifti(file(4, "t1"), { shape, spacing: [2, 1, 1], channels: 2, value: place });
    const dataset = await openBrats2021(own);
    await expect(dataset.load(name(0))).rejects.toThrow(/00000_t2\.nii\.gz.*00000_t1\.nii\.gz/);
    await expect(dataset.load(name(1))).rejects.toThrow(/00001_flair\.nii\.gz.*00001_t1\.nii\.gz/);
    await expect(dataset.load(name(2))).rejects.toThrow(/00002_seg\.nii\.gz/);
    await expect(dataset.load(name(4))).rejects.toThrow(/00004_t1\.nii\.gz" has 2 channels; expected 1/);
    const wrong = { code: "datasets.labels", message: expect.stringMatching(/00003_seg\.nii\.gz" holds the value 3; expected only 0, 1, 2, 4/) };
    await expect(dataset.load(name(3))).rejects.toMatchObject(wrong);
  });

  it("says what it looked for", async () => {
    const own = await root();
    await expect(openBrats2021(own)).rejects.toThrow(/case folder like "BraTS2021_00000"/);
    await expect(openBrats2021(join(own, "absent"))).rejects.toMatchObject({ code: "datasets.layout", message: expect.stringContaining("absent") });
    for (const parent of ["a", "b"]) await writeCase(join(own, parent), 1);
    await expect(openBrats2021(own)).rejects.toMatchObject({ code: "datasets.overlap" });
    await rename(join(own, "b", name(1)), join(own, "b", name(2)));
    expect(await readdir(join(own, "b"))).toEqual([name(2)]);
    await expect(openBrats2021(own)).rejects.toThrow(/00002" lacks t1, t1ce, t2, flair, seg/);
    await expect(openBrats2021(own, { validation: "two" as never })).rejects.toMatchObject({ code: "config.invalid" });
  });
});
