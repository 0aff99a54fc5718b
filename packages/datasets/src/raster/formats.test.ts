import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readImage } from "./read-image.ts";
import { readMask } from "./read-mask.ts";

let folder = "";
let path = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-formats-"));
  path = join(folder, "Bild größe 画像.bin");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const [width, height] = [6, 4];
const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256);
const grey = Uint8Array.from({ length: width * height }, (_, i) => (i * 10) % 256);
const color = (): sharp.Sharp => sharp(rgb, { raw: { width, height, channels: 3 } });
const single = (): sharp.Sharp => sharp(grey, { raw: { width, height, channels: 1 } }).toColourspace("b-w");

/** Two colors in a chessboard, which GIF and palettes keep. */
const board = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((Math.floor(i / 3) + Math.floor(i / 3 / width)) % 2 === 0 ? [200, 30, 10][i % 3]! : [0, 60, 255][i % 3]!));

describe("readImage, by the content whatever the name", () => {
  it.each<[string, () => Promise<Buffer>, number, Uint8Array | Uint16Array]>([
    ["PNG", () => color().png().toBuffer(), 3, rgb],
    ["interlaced PNG", () => color().png({ progressive: true }).toBuffer(), 3, rgb],
    ["grey PNG", () => single().png().toBuffer(), 1, grey],
    ["TIFF", () => color().tiff({ compression: "lzw" }).toBuffer(), 3, rgb],
    ["grey TIFF", () => single().tiff({ compression: "none" }).toBuffer(), 1, grey],
    ["tiled TIFF with deflate", () => color().tiff({ tile: true, compression: "deflate", predictor: "horizontal" }).toBuffer(), 3, rgb],
    ["lossless WebP", () => color().webp({ lossless: true }).toBuffer(), 3, rgb],
    ["GIF", () => sharp(board, { raw: { width, height, channels: 3 } }).gif({ dither: 0 }).toBuffer(), 3, board],
    ["palette PNG", () => sharp(board, { raw: { width, height, channels: 3 } }).png({ palette: true, dither: 0 }).toBuffer(), 3, board],
    ["PPM", async () => Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), rgb]), 3, rgb],
  ])("reads %s", async (_, encode, channels, data) => {
    await writeFile(path, await encode());
    expect(await readImage(path)).toEqual({ width, height, channels, data });
  });

  it("reads 16 bits of grey and color", async () => {
    const deep = Uint16Array.from({ length: width * height }, (_, i) => i * 2700);
    await sharp(deep, { raw: { width, height, channels: 1 } }).toColourspace("grey16").tiff({ compression: "lzw" }).toFile(path);
    expect(await readImage(path)).toEqual({ width, height, channels: 1, data: deep });
    const deepColor = Uint16Array.from(rgb, (value) => value * 257 - (value > 0 ? 1 : 0));
    await sharp(deepColor, { raw: { width, height, channels: 3 } }).toColourspace("rgb16").tiff({ compression: "none" }).toFile(path);
    expect(await readImage(path)).toEqual({ width, height, channels: 3, data: deepColor });
  });

  it("keeps JPEG close and turns CMYK to RGB", async () => {
    const smooth = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => 60 + 4 * Math.floor(i / 96) + 20 * (i % 3));
    await sharp(smooth, { raw: { width: 32, height: 32, channels: 3 } }).jpeg({ quality: 95 }).toFile(path);
    const plain = await readImage(path);
    expect(Math.max(...plain.data.map((value, i) => Math.abs(value - smooth[i]!)))).toBeLessThan(6);
    await sharp(smooth, { raw: { width: 32, height: 32, channels: 3 } }).toColourspace("cmyk").jpeg({ quality: 95 }).toFile(path);
    expect((await sharp(path).metadata()).space).toBe("cmyk");
    const printed = await readImage(path);
    expect(printed).toMatchObject({ width: 32, height: 32, channels: 3 });
    expect(Math.max(...printed.data.map((value, i) => Math.abs(value - smooth[i]!)))).toBeLessThan(25);
  });

  it("gives the numbers of the file, whatever its color profile", async () => {
    const bytes = await color().withIccProfile("p3").png().toBuffer();
    await writeFile(path, bytes);
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.from((await readImage(path)).data)).toEqual(stored);
    expect(Buffer.from(await sharp(bytes).raw().toBuffer())).not.toEqual(stored);
  });

  it("refuses stacks of images of one size, but reads the first of images with a preview", async () => {
    const raw = { width: 4, height: 3, channels: 1 } as const;
    const pages = Uint8Array.from({ length: 36 }, (_, i) => 20 * Math.floor(i / 12));
    const stack = sharp(pages, { raw: { ...raw, height: 9, pageHeight: 3 } }).toColourspace("b-w");
    for (const ending of ["gif", "tiff"] as const) {
      await stack.clone().toFormat(ending).toFile(path);
      await expect(readImage(path)).rejects.toThrow(/holds 3 images of one size; expected one/);
    }
    await sharp(pages, { raw: { width: 6, height: 6, channels: 1 } }).toColourspace("b-w").tiff({ pyramid: true, tile: true, tileWidth: 16, tileHeight: 16 }).toFile(path);
    expect(await readImage(path)).toMatchObject({ width: 6, height: 6, channels: 1 });
  });

  it("drops alpha, also beside grey", async () => {
    const pair = Uint8Array.of(10, 0, 200, 128);
    await sharp(pair, { raw: { width: 2, height: 1, channels: 2 } }).toColourspace("b-w").png().toFile(path);
    expect(await readImage(path)).toEqual({ width: 2, height: 1, channels: 1, data: Uint8Array.of(10, 200) });
  });

  it("scales bits to 255 for masks", async () => {
    await sharp(Uint8Array.of(0, 255, 255, 0), { raw: { width: 4, height: 1, channels: 1 } }).toColourspace("b-w").tiff({ bitdepth: 1 }).toFile(path);
    expect((await readMask(path)).data).toEqual(Uint8Array.of(0, 1, 1, 0));
    await writeFile(path, "P1 4 1 1001");
    expect((await readMask(path)).data).toEqual(Uint8Array.of(0, 1, 1, 0));
  });

  it("refuses what is no such image, and vector graphics", async () => {
    for (const content of ["<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "%PDF-1.4", "P7\nWIDTH 1", "BN", ""]) {
      await writeFile(path, content);
      await expect(readImage(path)).rejects.toMatchObject({ code: "datasets.image", message: expect.stringMatching(/画像\.bin".* is no PNG, JPEG/) });
    }
    // A float TIFF of one pixel
    const float = Buffer.from("SUkqAAgAAAAJAAABAwABAAAAAQAAAAEBAwABAAAAAQAAAAIBAwABAAAAIAAAAAMBAwABAAAAAQAAAAYBAwABAAAAAQAAABEBBAABAAAAegAAABYBAwABAAAAAQAAABcBBAABAAAABAAAAFMBAwABAAAAAwAAAAAAAAAAAIA/", "base64");
    await writeFile(path, float);
    await expect(readImage(path)).rejects.toThrow(/stores its pixels as "float"/);
  });

  it("stops image bombs", async () => {
    const png = await color().png().toBuffer();
    const claim = async (side: number): Promise<void> => {
      png.writeUInt32BE(side, 16);
      png.writeUInt32BE(side, 20);
      png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
      await writeFile(path, png);
    };
    await claim(15_000);
    await expect(readImage(path)).rejects.toMatchObject({ code: "datasets.image", message: expect.stringContaining("15000×15000 pixels, which so few bytes do not hold") });
    await claim(100_000);
    await expect(readImage(path)).rejects.toMatchObject({ code: "datasets.image" });
  });
});
