import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawImage } from "../testing/draw-image.ts";
import { openChaseDb1 } from "./chase-db1.ts";

let folder = "";
const eyes = Array.from({ length: 28 }, (_, i) => `Image_${String((i >> 1) + 1).padStart(2, "0")}${i % 2 === 0 ? "L" : "R"}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-chase-"));
  for (const eye of eyes) {
    await drawImage(join(folder, `${eye}.jpg`));
    // Annotations have one bit; the second observer draws nothing but the last column.
    for (const [observer, from] of [["1stHO", 3], ["2ndHO", 5]] as const) {
      const data = Uint8Array.from({ length: 24 }, (_, i) => (i % 6 >= from ? 255 : 0));
      await sharp(data, { raw: { width: 6, height: 4, channels: 1 } }).png({ palette: true, colours: 2 }).toFile(join(folder, `${eye}_${observer}.png`));
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("openChaseDb1", () => {
  it("takes the first 20 files for training, the last 8 for testing, and divides no child", async () => {
    const { splits, groups, classes, imageChannels, notes } = await openChaseDb1(folder);
    expect(notes).toBeUndefined();
    expect(splits).toEqual({ train: eyes.slice(0, 20), validation: [], test: eyes.slice(20) });
    expect(groups!.get("Image_01L")).toBe(groups!.get("Image_01R"));
    expect(new Set(groups!.values()).size).toBe(14);
    expect([classes, imageChannels]).toEqual([1, 3]);
  });

  it("reads either observer's vessels, without a field of view", async () => {
    const first = await (await openChaseDb1(folder)).load("Image_03R");
    const second = await (await openChaseDb1(folder, { observer: 2 })).load("Image_03R");
    expect([...first.labels.slice(0).subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...second.labels.slice(0).subarray(0, 6)]).toEqual([0, 0, 0, 0, 0, 1]);
    expect(first.fieldOfView).toBeUndefined();
  });

  it("keeps a child's eyes together in the validation images too", async () => {
    expect((await openChaseDb1(folder, { validation: 2 })).splits.validation).toEqual(["Image_10L", "Image_10R"]);
    await expect(openChaseDb1(folder, { validation: 3 })).rejects.toMatchObject({
      code: "datasets.leak",
      message: expect.stringMatching(/"Image_09L" \(train\) and "Image_09R" \(validation\) belong together/),
    });
    await expect(openChaseDb1(folder, { test: 7 })).rejects.toMatchObject({ code: "datasets.leak" });
    await expect(openChaseDb1(folder, { observer: 3 as 1 })).rejects.toThrow(/observer must be 1 or 2, got 3/);
  });

  it("says what is missing", async () => {
    const root = await mkdtemp(join(folder, "few-"));
    await expect(openChaseDb1(root)).rejects.toThrow(/holds no image named like "Image_01L\.jpg"/);
    await drawImage(join(root, "Image_01L.jpg"));
    await expect(openChaseDb1(root)).rejects.toThrow(/Image_01L\.jpg" has no vessel mask: expected .*Image_01L_1stHO\.png/);
    await drawImage(join(root, "Image_01L_1stHO.png"), { channels: 1 });
    const { splits, notes } = await openChaseDb1(root);
    expect(splits).toEqual({ train: ["Image_01L"], validation: [], test: [] });
    expect(notes).toEqual([expect.stringMatching(/has 1 of CHASE_DB1's 28 images/)]);
    await drawImage(join(root, "Image_02L_2ndHO.png"), { channels: 1 });
    await expect(openChaseDb1(root)).rejects.toThrow(/1 mask has no image: ".*Image_02L_2ndHO\.png"/);
    await drawImage(join(root, "Image_02L.JPG"));
    await drawImage(join(root, "Image_02L_1stHO.png"), { channels: 1 });
    expect(Object.values((await openChaseDb1(root)).splits).flat()).toEqual(["Image_01L", "Image_02L"]);
    await rm(join(root, "Image_02L.JPG"));
    await rm(join(root, "Image_02L_1stHO.png"));
    await rm(join(root, "Image_02L_2ndHO.png"));
    await expect(openChaseDb1(root, { test: 1 })).rejects.toThrow(/test must be an integer from 0 to 0.*got 1/);
    await expect(openChaseDb1(join(root, "absent"))).rejects.toMatchObject({ code: "datasets.layout" });
  });
});
