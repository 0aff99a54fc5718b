import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawImage } from "../testing/draw-image.ts";
import { openDrive } from "./drive.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-drive-"));
  for (const [split, first] of [["training", 21], ["test", 1]] as const) {
    for (const number of [first, first + 1].map((value) => String(value).padStart(2, "0"))) {
      await drawImage(join(folder, `${split}/images/${number}_${split}.tif`));
      await drawImage(join(folder, `${split}/1st_manual/${number}_manual1.gif`), { channels: 1 });
      await drawImage(join(folder, `${split}/mask/${number}_${split}_mask.gif`), { channels: 1 });
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A copy of the small data set that a test may damage. */
async function copy(): Promise<string> {
  const root = await mkdtemp(join(folder, "copy-"));
  for (const split of ["training", "test"]) await cp(join(folder, split), join(root, split), { recursive: true });
  return root;
}

describe("openDrive", () => {
  it("reads images, vessels and field of view", async () => {
    const dataset = await openDrive(folder);
    expect(dataset).toMatchObject({
      imageChannels: 3,
      classes: 1,
      classNames: ["vessel"],
      splits: { train: ["21_training", "22_training"], validation: [], test: ["01_test", "02_test"] },
      preprocessing: [{ step: "scale", from: "range", to: [-1, 1] }],
    });
    expect(dataset.depthOf("01_test")).toBe(1);
    const { id, image, labels, fieldOfView } = await dataset.load("01_test");
    expect(id).toBe("01_test");
    expect(image).toMatchObject({ depth: 1, height: 4, width: 6, channels: 3, spacing: [1, 1, 1], range: [0, 255] });
    expect([...image.slice(0).subarray(6, 12)]).toEqual([0, 0, 0, 255, 255, 255]);
    expect([...labels.slice(0).subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...fieldOfView!.slice(0).subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    await expect(dataset.load("03_test")).rejects.toMatchObject({ code: "datasets.id", message: expect.stringContaining('"21_training" and "02_test"') });
    expect(() => dataset.depthOf("03_test")).toThrow(/no case "03_test"/);
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

  it("finds files however their letters are written, and notes what is odd", async () => {
    const root = await copy();
    await rename(join(root, "training/images/22_training.tif"), join(root, "training/images/22_training.TIF"));
    await rename(join(root, "training/1st_manual/22_manual1.gif"), join(root, "training/1st_manual/22_Manual1.GIF"));
    await writeFile(join(root, "training/images/._21_training.tif"), "litter");
    await drawImage(join(root, "training/images/23.png"));
    const dataset = await openDrive(root);
    expect(dataset.splits.train).toEqual(["21_training", "22_training"]);
    expect([...(await dataset.load("22_training")).labels.slice(0).subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect(dataset.notes).toEqual([
      expect.stringMatching(/^1 image files in ".*training.images" are not called like "21_training\.tif" and not used: 23\.png\.$/),
      "The folder has 2 of DRIVE's 20 training images.",
      "The folder has 2 of DRIVE's 20 test images.",
    ]);
    await drawImage(join(root, "training/1st_manual/40_manual1.gif"), { channels: 1 });
    await expect(openDrive(root)).rejects.toThrow(/1 mask has no image: ".*40_manual1\.gif"/);
  });

  it("refuses masks of 0 and 1, photographs as masks, and empty fields of view", async () => {
    const root = await copy();
    await drawImage(join(root, "test/1st_manual/01_manual1.gif"), { channels: 1, value: 1 });
    await drawImage(join(root, "test/1st_manual/02_manual1.gif"), { channels: 3, value: 120 });
    await drawImage(join(root, "training/mask/21_training_mask.gif"), { channels: 1, value: 0 });
    const dataset = await openDrive(root);
    await expect(dataset.load("01_test")).rejects.toMatchObject({ code: "datasets.mask", message: expect.stringMatching(/01_manual1\.gif" .*largest value is 1\./) });
    await expect(dataset.load("02_test")).rejects.toMatchObject({ code: "datasets.mask" });
    await expect(dataset.load("21_training")).rejects.toThrow(/field-of-view mask ".*21_training_mask\.gif" is empty/);
  });

  it("names both files where sizes differ, the damaged one, and one that is not RGB", async () => {
    const root = await copy();
    await drawImage(join(root, "test/1st_manual/01_manual1.gif"), { channels: 1, width: 5 });
    await writeFile(join(root, "test/images/02_test.tif"), "II*");
    await drawImage(join(root, "training/images/21_training.tif"), { channels: 1 });
    const dataset = await openDrive(root);
    await expect(dataset.load("01_test")).rejects.toMatchObject({
      code: "datasets.size",
      message: expect.stringMatching(/01_manual1\.gif" is 5×4 .*01_test\.tif" is 6×4/),
    });
    await expect(dataset.load("02_test")).rejects.toMatchObject({ code: "datasets.image", message: expect.stringContaining("02_test.tif") });
    await expect(dataset.load("21_training")).rejects.toMatchObject({
      code: "datasets.channels",
      message: expect.stringMatching(/21_training\.tif" has 1 channels; expected an RGB image/),
    });
  });
});

const data = process.env.HIDIFF_DATA ?? fileURLToPath(new URL("../../../../../shared/data", import.meta.url));
const real = join(data, "DRIVE");

describe.skipIf(!existsSync(real))("DRIVE's own files (skipped where HIDIFF_DATA/DRIVE is absent)", () => {
  it("have a second observer who agrees with the first at 0.788 Dice", async () => {
    const first = await openDrive(real);
    const second = await openDrive(real, { observer: 2 });
    let dice = 0;
    for (const id of first.splits.test) {
      const a = (await first.load(id)).labels.slice(0);
      const b = (await second.load(id)).labels.slice(0);
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
