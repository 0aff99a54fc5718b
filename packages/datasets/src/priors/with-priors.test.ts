import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeNpz } from "@hidiff/core-tensor/files";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openFolderDataset } from "../loaders/folder/folder.ts";
import { writeNifti } from "../loaders/volume-cases/fixtures.ts";
import { drawImage } from "../testing/draw-image.ts";
import { tinyVolumes } from "../testing/tiny-volumes.ts";
import type { SegmentationCase } from "../types.ts";
import { readVolume } from "../volumes/read-volume.ts";
import { withPriors } from "./with-priors.ts";

let folder = "";
let root = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-with-priors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  root = await mkdtemp(join(folder, "root-"));
});

/** The labels of each slice as probabilities. */
function oneHot({ labels }: SegmentationCase, classes: number): number[][] {
  return Array.from({ length: labels.depth }, (_, index) =>
    Array.from(labels.slice(index)).flatMap((label) => (classes === 1 ? label : Array.from({ length: classes }, (_unused, own) => Number(own === label)))),
  );
}

const slicesOf = ({ prior }: SegmentationCase): number[][] => Array.from({ length: prior!.depth }, (_, index) => Array.from(prior!.slice(index)));

describe("withPriors", () => {
  it("gives photographs their masks", async () => {
    for (const id of ["a", "b", "c"]) {
      await drawImage(join(root, `images/${id}.png`));
      await drawImage(join(root, `masks/${id}.png`), { channels: 1 });
      await drawImage(join(root, `predictions/${id}_mask.png`), { channels: 1, value: id === "b" ? 0 : 255 });
    }
    const plain = await openFolderDataset(root);
    const dataset = await withPriors(plain, { folder: join(root, "predictions") });
    expect(dataset).toMatchObject({ name: plain.name, classes: 1, splits: plain.splits, preprocessing: plain.preprocessing });
    expect(dataset.depthOf("a")).toBe(1);
    const found = await dataset.load("a");
    expect(found.prior).toMatchObject({ depth: 1, height: 4, width: 6, channels: 1 });
    expect(slicesOf(found)).toEqual(oneHot(found, 1));
    expect(slicesOf(await dataset.load("b"))).toEqual([new Array(24).fill(0)]);
    expect((await plain.load("a")).prior).toBeUndefined();
  });

  it.each(["axial", "sagittal", "stored"] as const)("lays volumes and arrays on %s slices as labels", async (plane) => {
    const shape = [4, 5, 6] as const;
    const label = (slice: number, row: number, column: number): number => (slice * 7 + row * 3 + column) % 3;
    for (const [id, axes] of [["one", "RAS"], ["two", "ASL"], ["three", "LPS"]] as const) {
      await writeNifti(join(root, `images/${id}.nii.gz`), { shape, value: (s, r, c) => 100 * s + 10 * r + c }, axes);
      await writeNifti(join(root, `masks/${id}.nii.gz`), { shape, value: label }, axes, "uint8");
      await writeNifti(join(root, `predictions/${id}.nii.gz`), { shape, value: label }, axes, "uint8");
    }
    // Beside its mask, nnU-Net's probabilities: here those of the mask.
    const { data, shape: order } = await readVolume(join(root, "masks/two.nii.gz"));
    const probabilities = Float32Array.from({ length: 3 * data.length }, (_, index) => Number(data[index % data.length] === Math.floor(index / data.length)));
    await writeFile(join(root, "predictions/two.npz"), encodeNpz(new Map([["probabilities", { shape: [3, ...order], data: probabilities }]])));
    const dataset = await withPriors(await openFolderDataset(root, { plane, classes: ["first", "second"] }), { folder: join(root, "predictions") });
    expect(dataset.notes).toEqual([expect.stringContaining('"two.npz" and not "two.nii.gz"')]);
    for (const id of ["one", "two", "three"]) {
      const found = await dataset.load(id);
      expect(found.prior).toMatchObject({ depth: found.image.depth, height: found.image.height, width: found.image.width, channels: 3 });
      expect(slicesOf(found)).toEqual(oneHot(found, 3));
    }
  });

  it("wants a file for every case of the splits it is for", async () => {
    const dataset = tinyVolumes({ depths: [2, 2, 2, 2] });
    await expect(withPriors(dataset, { folder: root })).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("no file for 4 of 4 cases: case-0, case-1, case-2, …") });
    const labels = new Uint8Array(2 * 12 * 10).fill(2, 120);
    await mkdir(root, { recursive: true });
    await writeFile(join(root, "case-3.npz"), encodeNpz(new Map([["mask", { shape: [2, 12, 10], data: labels }]])));
    const validation = await withPriors(dataset, { folder: root, splits: ["validation"] });
    expect((await validation.load("case-3")).prior!.slice(1).subarray(0, 6)).toEqual(Float32Array.of(0, 0, 1, 0, 0, 1));
    await expect(validation.load("case-0")).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("in none of the splits validation") });
  });

  it("does not guess how slices lie in files that the data set does not tell", async () => {
    const dataset = { ...tinyVolumes({ depths: [2, 2] }), volumes: { plane: "axial", outside: 0 } } as const;
    for (const id of ["case-0", "case-1"]) await writeFile(join(root, `${id}.npz`), encodeNpz(new Map([["mask", { shape: [2, 12, 10], data: new Uint8Array(240) }]])));
    await expect((await withPriors(dataset, { folder: root })).load("case-0")).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("does not tell how its axial slices lie in a file") });
    const stored = { ...dataset, volumes: { plane: "stored", outside: 0 } } as const;
    expect((await (await withPriors(stored, { folder: root })).load("case-0")).prior).toMatchObject({ depth: 2, channels: 3 });
  });
});
