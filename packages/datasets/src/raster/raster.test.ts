import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RasterImage } from "../types.ts";
import { readImage } from "./read-image.ts";
import { readMask } from "./read-mask.ts";
import { writePng } from "./write-png.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-raster-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("readImage and writePng", () => {
  it.each([
    [1, 8, 51],
    [3, 8, 13],
    [1, 16, 13107],
    [3, 16, 3855],
  ])("keep %i channels of %i bits", async (channels, bits, step) => {
    const path = join(folder, `round-${channels}-${bits}.png`);
    const values = Array.from({ length: 6 * channels }, (_, i) => i * step);
    const data = bits === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
    const image: RasterImage = { width: 3, height: 2, channels, data };
    await writePng(path, image);
    expect(await readImage(path)).toEqual(image);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("drop alpha and read one pixel", async () => {
    const path = join(folder, "alpha.png");
    await writePng(path, { width: 1, height: 1, channels: 4, data: Uint8Array.of(1, 2, 3, 128) });
    expect(await readImage(path)).toEqual({ width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) });
  });

  it("do not turn an image by its orientation tag", async () => {
    const path = join(folder, "turned.jpg");
    await sharp(new Uint8Array(3 * 5 * 3), { raw: { width: 3, height: 5, channels: 3 } }).withMetadata({ orientation: 6 }).jpeg().toFile(path);
    expect(await readImage(path)).toMatchObject({ width: 3, height: 5 });
  });

  it("name missing files, folders, and incomplete or foreign content", async () => {
    await expect(readImage(join(folder, "absent.png"))).rejects.toMatchObject({
      code: "file.read",
      message: expect.stringMatching(/absent\.png.*no such file or folder/),
    });
    await expect(readImage(folder)).rejects.toMatchObject({ code: "file.read" });
    const whole = join(folder, "whole.png");
    await writePng(whole, { width: 40, height: 40, channels: 1, data: Uint8Array.from({ length: 1600 }, (_, i) => (i * i) % 251) });
    const bytes = await readFile(whole);
    for (const [name, content] of [["cut.png", bytes.subarray(0, bytes.length >> 1)], ["empty.png", bytes.subarray(0, 0)], ["text.png", Buffer.from("no image")]] as const) {
      await writeFile(join(folder, name), content);
      await expect(readImage(join(folder, name))).rejects.toMatchObject({ code: "datasets.image", message: expect.stringContaining(name) });
    }
  });

  it("leave no file behind where writing fails, and keep the old one", async () => {
    const image: RasterImage = { width: 1, height: 1, channels: 1, data: Uint8Array.of(7) };
    await expect(writePng(join(folder, "absent", "a.png"), image)).rejects.toMatchObject({ code: "file.write" });
    const blocked = join(folder, "blocked");
    await mkdir(join(blocked, "a.png"), { recursive: true });
    await expect(writePng(join(blocked, "a.png"), image)).rejects.toMatchObject({ code: "file.write", message: expect.stringContaining("a.png") });
    expect(await readdir(blocked)).toEqual(["a.png"]);
  });

  it("refuse what a PNG cannot hold", async () => {
    const path = join(folder, "refused.png");
    await expect(writePng(path, { width: 1, height: 1, channels: 1, data: Float32Array.of(0.5) })).rejects.toThrow(/got Float32Array/);
    await expect(writePng(path, { width: 2, height: 1, channels: 1, data: Uint8Array.of(1) })).rejects.toThrow(/1×2×1/);
    await expect(writePng(path, { width: 0, height: 0, channels: 1, data: new Uint8Array(0) })).rejects.toThrow(/non-empty/);
  });
});

describe("readMask", () => {
  it("thresholds the mean of the channels", async () => {
    const path = join(folder, "mask.png");
    await writePng(path, { width: 8, height: 1, channels: 1, data: Uint8Array.of(0, 127, 128, 255, 0, 9, 255, 255) });
    expect(await readMask(path)).toEqual({ width: 8, height: 1, channels: 1, data: Uint8Array.of(0, 0, 1, 1, 0, 0, 1, 1) });
    expect([...(await readMask(path, { threshold: 0 })).data]).toEqual([0, 1, 1, 1, 0, 1, 1, 1]);
    await writePng(path, { width: 2, height: 1, channels: 3, data: Uint8Array.of(255, 255, 0, 255, 0, 0) });
    expect([...(await readMask(path, { threshold: 127 })).data]).toEqual([1, 0]);
  });

  it("refuses masks that the threshold would empty, but no empty masks", async () => {
    const path = join(folder, "ones.png");
    await writePng(path, { width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 1, 1) });
    await expect(readMask(path)).rejects.toMatchObject({
      code: "datasets.mask",
      message: expect.stringMatching(/ones\.png" has no pixel above the threshold 127, but is not empty: its largest value is 1\. Give a lower threshold/),
    });
    await expect(readMask(path, { threshold: 127 })).rejects.toMatchObject({ code: "datasets.mask" });
    expect([...(await readMask(path, { threshold: 0 })).data]).toEqual([0, 1, 1]);
    await writePng(path, { width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 90, 9) });
    await expect(readMask(path)).rejects.toThrow(/largest value is 90/);
    expect([...(await readMask(path, { threshold: 127 })).data]).toEqual([0, 0, 0]);
    await writePng(path, { width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 0, 0) });
    expect([...(await readMask(path)).data]).toEqual([0, 0, 0]);
  });

  it("refuses photographs, of 8 and 16 bits", async () => {
    const path = join(folder, "photograph.png");
    const data = Uint8Array.from({ length: 300 }, (_, i) => 40 + (i % 180));
    for (const stored of [data, Uint16Array.from(data, (value) => value * 257)]) {
      await writePng(path, { width: 10, height: 10, channels: 3, data: stored });
      await expect(readMask(path)).rejects.toThrow(/photograph\.png" is no mask of black and white: 100 % of its pixels.*Are images and masks interchanged\?/);
    }
    expect((await readMask(path, { threshold: 127 * 257 })).data).toContain(1);
  });
});
