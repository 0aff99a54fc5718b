import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageFailure } from "./fail.ts";
import { readPalettePng } from "./palette-png.ts";
import { readImage } from "./read-image.ts";
import { readLabels } from "./read-labels.ts";
import { writePng } from "./write-png.ts";

/**
 * Palette PNGs by Pillow 13 of 8, 4, 2 and 1 bits, 9×7 pixels: image = Image.fromarray((numpy.add.outer(numpy.arange(7) // 2,
 * numpy.arange(9) // 3) % n).astype(numpy.uint8), "P"); image.putpalette(color i is [40 i, 255 − 30 i, 7 i]);
 * image.save(file, "png", bits=bits), for n = 6, 6, 4, 2 (8 bits are stored as 4, which suffice).
 */
const palettes = [
  [6, "iVBORw0KGgoAAAANSUhEUgAAAAkAAAAHBAMAAAAotXpTAAAAElBMVEUA/wAo4QdQww54pRWghxzIaSNfN7K9AAAAJUlEQVR4nGNkYBQQ/MfEwMDAwMAoyCgg+BfCZhFkFBD8g8T+DQBa3wS+FBA6YAAAAABJRU5ErkJggg=="],
  [4, "iVBORw0KGgoAAAANSUhEUgAAAAkAAAAHAgMAAACn9Y/zAAAADFBMVEUA/wAo4QdQww54pRU6jeeWAAAAJElEQVR4nGNkjFRjYmBgYAkNFWRiYGBgWP2BgYmBgYHxD6c1AC8rBCMlAFmIAAAAAElFTkSuQmCC"],
  [2, "iVBORw0KGgoAAAANSUhEUgAAAAkAAAAHAQMAAADgVfUjAAAABlBMVEUA/wAo4QeAXD4VAAAAF0lEQVR4nGOQYWBiYGB8PJeJgYEBxgYAGkUDQSL3lIcAAAAASUVORK5CYII="],
] as const;

let folder = "";
let path = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-labels-"));
  path = join(folder, "Maske ü.png");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("readLabels", () => {
  it("takes the stored numbers as classes", async () => {
    await writePng(path, { width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 8, 255) });
    expect(await readLabels(path)).toEqual({ width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 8, 255) });
    await writePng(path, { width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 1, 1, 4, 4, 4) });
    expect((await readLabels(path)).data).toEqual(Uint8Array.of(1, 4));
    await writePng(path, { width: 2, height: 1, channels: 1, data: Uint16Array.of(3, 255) });
    expect((await readLabels(path)).data).toEqual(Uint8Array.of(3, 255));
  });

  it("maps values, of 16 bits too", async () => {
    await writePng(path, { width: 3, height: 1, channels: 1, data: Uint16Array.of(0, 1000, 500) });
    expect((await readLabels(path, { values: new Map([[0, 0], [500, 1], [1000, 2]]) })).data).toEqual(Uint8Array.of(0, 2, 1));
  });

  it("lists the values that are no class", async () => {
    await writePng(path, { width: 5, height: 1, channels: 1, data: Uint16Array.of(0, 300, 128, 300, 255) });
    await expect(readLabels(path)).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringMatching(/Maske ü\.png" contains 300 \(2 pixels\); expected class numbers from 0 to 255/) });
    await expect(readLabels(path, { values: new Map([[255, 1], [0, 0]]) })).rejects.toMatchObject({
      code: "datasets.labels",
      message: expect.stringMatching(/128 \(1 pixels\), 300 \(2 pixels\); expected the values 0, 255/),
    });
    await writePng(path, { width: 40, height: 1, channels: 1, data: Uint8Array.from({ length: 40 }, (_, i) => i) });
    await expect(readLabels(path, { values: new Map([[0, 0]]) })).rejects.toThrow("10 (1 pixels) and 29 more");
    const noisy = join(folder, "mask.jpg");
    await sharp(Uint8Array.from({ length: 64 }, (_, i) => (i % 8 > 3 ? 255 : 0)), { raw: { width: 8, height: 8, channels: 1 } }).jpeg({ quality: 30 }).toFile(noisy);
    await expect(readLabels(noisy, { values: new Map([[0, 0], [255, 1]]) })).rejects.toThrow("JPEG alters values");
  });

  it("refuses color images and impossible classes", async () => {
    await writePng(path, { width: 2, height: 2, channels: 3, data: Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6) });
    await expect(readLabels(path)).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringContaining("row 1, column 1 is 4, 5, 6") });
    for (const label of [-1, 256, 0.5, NaN]) await expect(readLabels(path, { values: new Map([[0, label]]) })).rejects.toMatchObject({ code: "datasets.option" });
  });

  it.each(palettes)("reads the indices of a palette PNG of %i colors", async (colors, file) => {
    await writeFile(path, Buffer.from(file, "base64"));
    const expected = Uint8Array.from({ length: 63 }, (_, i) => (Math.floor(i / 9 / 2) + Math.floor((i % 9) / 3)) % colors);
    expect(await readLabels(path)).toEqual({ width: 9, height: 7, channels: 1, data: expected });
    expect((await readImage(path)).data.slice(0, 12)).toEqual(Uint8Array.of(0, 255, 0, 0, 255, 0, 0, 255, 0, 40, 225, 7));
  });

  it("unfilters palette PNGs: the indices' colors are those that sharp decodes", async () => {
    const [width, height] = [61, 47];
    const raw = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i % 3) + 1) * ((Math.floor(i / 3) % width) + 2 * Math.floor(i / 3 / width)));
    for (const colors of [200, 16, 4]) {
      const bytes = await sharp(raw, { raw: { width, height, channels: 3 } }).png({ palette: true, colors, dither: 0, adaptiveFiltering: true }).toBuffer();
      const { palette, indices } = readPalettePng(bytes, imageFailure("a.png", bytes.length));
      await writeFile(path, bytes);
      expect(Uint8Array.from([...indices].flatMap((index) => palette[index]!))).toEqual((await readImage(path)).data);
    }
    await sharp(raw, { raw: { width, height, channels: 3 } }).png({ palette: true, progressive: true }).toFile(path);
    await expect(readLabels(path)).rejects.toThrow("interlaced");
  });

  it("does not scale grey images of few bits", async () => {
    for (const [bits, step] of [[1, 255], [2, 85], [4, 17]] as const) {
      const classes = Uint8Array.from({ length: 16 }, (_, i) => i % 2 ** bits);
      const file = join(folder, `grey${bits}.tif`);
      await sharp(classes.map((label) => label * step), { raw: { width: 16, height: 1, channels: 1 } }).toColourspace("b-w").tiff({ bitdepth: bits, compression: "none" }).toFile(file);
      expect((await readLabels(file)).data, `${bits} bits`).toEqual(classes);
      expect((await readImage(file)).data).toEqual(classes.map((label) => label * step));
    }
    await writeFile(path, Uint8Array.of(...new TextEncoder().encode("P5 3 1 8\n"), 0, 5, 8));
    expect((await readLabels(path)).data).toEqual(Uint8Array.of(0, 5, 8));
  });
});
