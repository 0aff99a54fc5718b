import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cvcClinicDbSequence } from "../splits/lists/cvc-clinicdb.ts";
import { drawImage } from "../testing/draw-image.ts";
import { openCvcClinicDb } from "./cvc-clinicdb.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-cvc-"));
  const frames = Array.from({ length: 612 }, (_, i) => i + 1);
  for (const kind of ["Original", "Ground Truth"]) {
    await Promise.all(frames.map((frame) => drawImage(join(folder, kind, `${frame}.png`), { channels: kind === "Original" ? 3 : 1 })));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder of a few frames. */
async function few(frames: readonly number[], ending = "tif"): Promise<string> {
  const root = await mkdtemp(join(folder, "few-"));
  for (const frame of frames) {
    await drawImage(join(root, "Original", `${frame}.${ending}`));
    await drawImage(join(root, "Ground Truth", `${frame}.${ending}`), { channels: 1 });
  }
  return root;
}

describe("openCvcClinicDb", () => {
  it("splits all 612 frames about 80/10/10, sequence by sequence", async () => {
    const counts = new Set<string>();
    expect((await openCvcClinicDb(folder)).notes).toBeUndefined();
    for (const seed of [0, 1, "two"]) {
      const { splits, groups } = await openCvcClinicDb(folder, { seed });
      expect(Object.values(splits).flat().sort()).toEqual(Array.from({ length: 612 }, (_, i) => String(i + 1)).sort());
      const sequences = Object.values(splits).map((ids) => new Set(ids.map((id) => cvcClinicDbSequence(Number(id)))));
      expect(sequences.reduce((sum, { size }) => sum + size, 0)).toBe(29);
      expect(groups!.get("26")).toBe("sequence-2");
      for (const ids of [splits.validation, splits.test]) expect(Math.abs(ids.length - 61.2)).toBeLessThan(2);
      counts.add(splits.test.join());
    }
    expect(counts.size).toBe(3);
    expect((await openCvcClinicDb(folder)).splits).toEqual((await openCvcClinicDb(folder, { seed: 0 })).splits);
  });

  it("reads tif and png files by their numbers", async () => {
    const root = await few([1, 2, 26, 51, 100]);
    await rename(join(root, "Ground Truth/2.tif"), join(root, "Ground Truth/2.tiff"));
    const dataset = await openCvcClinicDb(root, { validation: 0, test: 0.2 });
    expect([...dataset.splits.train, ...dataset.splits.test].sort((a, b) => Number(a) - Number(b))).toEqual(["1", "2", "26", "51", "100"]);
    expect(dataset.notes).toEqual([expect.stringMatching(/has 5 of CVC-ClinicDB's 612 frames/)]);
    const { image, labels } = await dataset.load("2");
    expect(image).toMatchObject({ height: 4, width: 6, channels: 3 });
    expect([...labels.slice(0).subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("names what is missing, doubled or foreign", async () => {
    const root = await few([1, 30, 60]);
    await drawImage(join(root, "Ground Truth/61.tif"));
    await expect(openCvcClinicDb(root)).rejects.toThrow(/1 mask has no image: ".*Ground Truth.61\.tif"/);
    await rm(join(root, "Ground Truth/30.tif"));
    await expect(openCvcClinicDb(root)).rejects.toThrow(/Original.30\.tif" has no mask: expected ".*Ground Truth.30\.tif"/);
    await drawImage(join(root, "Original/30.png"));
    await expect(openCvcClinicDb(root)).rejects.toThrow(/30\.png" and ".*30\.tif" are the same frame/);
    await expect(openCvcClinicDb(await few([1, 30, 613]))).rejects.toThrow(/613\.tif" is no frame of CVC-ClinicDB, which has the frames 1 to 612/);
    await expect(openCvcClinicDb(await few([1, 2, 3]))).rejects.toThrow(/3 ids in 1 groups cannot fill 3 splits/);
    await expect(openCvcClinicDb(join(root, "Original"))).rejects.toThrow(/holds "Original" and "Ground Truth"/);
    await expect(openCvcClinicDb(folder, { test: 0.95 })).rejects.toMatchObject({ code: "datasets.option" });
  });
});
