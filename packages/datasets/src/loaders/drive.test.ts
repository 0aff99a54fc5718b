import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDrive } from "./drive.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-drive-"));
  for (const [split, first] of [["training", 21], ["test", 1]] as const) {
    for (const number of [first, first + 1].map((value) => String(value).padStart(2, "0"))) {
      await draw(`${split}/images/${number}_${split}.tif`, 3);
      await draw(`${split}/1st_manual/${number}_manual1.gif`, 1);
      await draw(`${split}/mask/${number}_${split}_mask.gif`, 1);
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file of DRIVE's layout: the right half white. */
async function draw(path: string, channels: 1 | 3, width = 6, height = 4, root = folder): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (Math.floor(i / channels) % width >= width / 2 ? 255 : 0));
  await sharp(data, { raw: { width, height, channels } }).toFile(join(root, path));
}

/** A copy of the small data set that a test may damage. */
async function copy(): Promise<string> {
  const root = await mkdtemp(join(folder, "copy-"));
  for (const split of ["training", "test"]) await cp(join(folder, split), join(root, split), { recursive: true });
  return root;
}

describe("openDrive", () => {
  it("reads images, vessels and field of view", async () => {
    const dataset = await openDrive(folder);
    expect(dataset.splits).toEqual({ train: ["21_training", "22_training"], validation: [], test: ["01_test", "02_test"] });
    const sample = await dataset.load("01_test");
    expect(sample).toMatchObject({ id: "01_test", height: 4, width: 6, imageChannels: 3, classes: 1, spacing: [1, 1] });
    expect([...sample.mask.subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...sample.fieldOfView!.subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect(sample.image.every((value) => value >= -1 && value <= 1)).toBe(true);
    await expect(dataset.load("03_test")).rejects.toMatchObject({ code: "datasets.id" });
  });

  it("takes validation images from the training ones", async () => {
    expect((await openDrive(folder, { validation: 1 })).splits).toMatchObject({ train: ["21_training"], validation: ["22_training"] });
    expect((await openDrive(folder, { validation: ["21_training"] })).splits).toMatchObject({ train: ["22_training"], validation: ["21_training"] });
    await expect(openDrive(folder, { validation: 2 })).rejects.toThrow(/from 0 to 1/);
    await expect(openDrive(folder, { validation: ["01_test"] })).rejects.toThrow(/"01_test" is no training image/);
  });

  it("says which folder it expected", async () => {
    await expect(openDrive(join(folder, "absent"))).rejects.toMatchObject({
      code: "datasets.layout",
      message: expect.stringMatching(/absent.training.images.*holds "training" and "test"/),
    });
    await expect(openDrive(folder, { observer: 2 })).rejects.toThrow(/2nd_manual/);
    const root = await copy();
    await rm(join(root, "test/images"), { recursive: true });
    await mkdir(join(root, "test/images"));
    await expect(openDrive(root)).rejects.toThrow(/holds no image named like "21_test\.tif"/);
  });

  it("names the image whose mask is missing", async () => {
    const root = await copy();
    await rm(join(root, "training/1st_manual/22_manual1.gif"));
    await expect(openDrive(root)).rejects.toMatchObject({
      code: "datasets.layout",
      message: expect.stringMatching(/22_training\.tif" has no vessel mask: expected .*22_manual1\.gif/),
    });
  });

  it("names both files where sizes differ, and the damaged one", async () => {
    const root = await copy();
    await draw("test/1st_manual/01_manual1.gif", 1, 5, 4, root);
    await writeFile(join(root, "test/images/02_test.tif"), "II*");
    const dataset = await openDrive(root);
    await expect(dataset.load("01_test")).rejects.toMatchObject({
      code: "datasets.size",
      message: expect.stringMatching(/01_manual1\.gif" is 5×4 .*01_test\.tif" is 6×4/),
    });
    await expect(dataset.load("02_test")).rejects.toMatchObject({ code: "datasets.image", message: expect.stringContaining("02_test.tif") });
  });
});

const data = process.env.HIDIFF_DATA ?? fileURLToPath(new URL("../../../../../shared/data", import.meta.url));
const real = join(data, "DRIVE");

describe.skipIf(!existsSync(real))("DRIVE's own files (skipped where HIDIFF_DATA/DRIVE is absent)", () => {
  it("are 20 and 20 images of 565×584 with plausible vessels inside the field of view", async () => {
    const dataset = await openDrive(real);
    expect(dataset.splits.train).toHaveLength(20);
    expect(dataset.splits.test).toHaveLength(20);
    for (const id of [...dataset.splits.train, ...dataset.splits.test]) {
      const { height, width, mask, fieldOfView } = await dataset.load(id);
      expect([height, width]).toEqual([584, 565]);
      const seen = fieldOfView!.reduce((sum, value) => sum + value, 0);
      const vessels = mask.reduce((sum, value, pixel) => sum + (fieldOfView![pixel] === 1 ? value : 0), 0);
      expect(seen / (584 * 565)).toBeGreaterThan(0.6);
      expect(vessels / seen).toBeGreaterThan(0.07);
      expect(vessels / seen).toBeLessThan(0.18);
    }
  });

  it("have a second observer who agrees with the first at 0.788 Dice", async () => {
    const first = await openDrive(real);
    const second = await openDrive(real, { observer: 2 });
    let dice = 0;
    for (const id of first.splits.test) {
      const a = (await first.load(id)).mask;
      const b = (await second.load(id)).mask;
      let both = 0;
      let either = 0;
      for (let i = 0; i < a.length; i++) {
        both += a[i]! * b[i]!;
        either += a[i]! + b[i]!;
      }
      dice += (2 * both) / either / 20;
    }
    expect(Math.abs(dice - 0.788)).toBeLessThan(0.0015);
  });
});
