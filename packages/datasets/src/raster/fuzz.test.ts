import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHidiffError } from "@hidiff/core-tensor/errors";
import { decodeNpz, encodeNpz, type NpyArray } from "@hidiff/core-tensor/files";
import { Generator } from "@hidiff/core-tensor/random";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readHdf5, readHdf5Shapes, writeHdf5 } from "../containers/hdf5.ts";
import { readImage } from "./read-image.ts";
import { readLabels } from "./read-labels.ts";

const [width, height] = [23, 17];
const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i) % 251);
const grey = Uint8Array.from({ length: width * height }, (_, i) => (i >> 3) & 7);
const color = (): sharp.Sharp => sharp(rgb, { raw: { width, height, channels: 3 } });
const single = (): sharp.Sharp => sharp(grey, { raw: { width, height, channels: 1 } }).toColourspace("b-w");

/** A BMP of 8 bits with a palette of eight colors, plain or as runs of one pixel. */
function bmp(runs: boolean): Buffer {
  const rows = Array.from({ length: height }, (_, row) => [...grey.subarray((height - 1 - row) * width, (height - row) * width)]);
  const pixels = rows.flatMap((row) => (runs ? [...row.flatMap((value) => [1, value]), 0, 0] : [...row, 0])); // 23 pixels and one of padding
  const header = Buffer.alloc(54 + 32);
  header.write("BM");
  for (const [offset, value] of [[2, header.length + pixels.length], [10, header.length], [14, 40], [18, width], [22, height], [30, runs ? 1 : 0], [46, 8]] as const) header.writeUInt32LE(value, offset);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(8, 28);
  for (let i = 0; i < 32; i++) header[54 + i] = (i * 8) % 256;
  return Buffer.concat([header, Buffer.from(pixels)]);
}

const images: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  "PNG": () => color().png().toBuffer(),
  "palette PNG": () => single().png({ palette: true }).toBuffer(),
  "PNG of 16 bits": () => sharp(Uint16Array.from(grey, (value) => value * 9000), { raw: { width, height, channels: 1 } }).toColourspace("grey16").png().toBuffer(),
  "JPEG": () => color().jpeg().toBuffer(),
  "progressive JPEG": () => color().jpeg({ progressive: true }).toBuffer(),
  "TIFF": () => color().tiff({ compression: "none" }).toBuffer(),
  "TIFF with LZW": () => single().tiff({ compression: "lzw" }).toBuffer(),
  "tiled TIFF with deflate": () => color().tiff({ compression: "deflate", tile: true }).toBuffer(),
  "GIF": () => color().gif().toBuffer(),
  "WebP": () => color().webp().toBuffer(),
  "lossless WebP": () => color().webp({ lossless: true }).toBuffer(),
  "BMP": () => bmp(false),
  "BMP of runs": () => bmp(true),
  "PGM of text": () => Buffer.from(`P2\n${width} ${height}\n255\n${grey.join(" ")}\n`),
  "PPM": () => Buffer.concat([Buffer.from(`P6\n# x\n${width} ${height}\n255\n`), rgb]),
};

/** Truncations, changed bytes (one or several, more of them near the start), and parts moved. */
function corrupt(bytes: Uint8Array, generator: Generator): Uint8Array {
  const kind = generator.integer(4);
  const copy = Uint8Array.from(bytes); // not slice(), which shares memory if the bytes are a Buffer
  if (kind === 0) return copy.subarray(0, generator.integer(copy.length));
  if (kind === 3) {
    const length = 1 + generator.integer(Math.min(32, copy.length));
    copy.copyWithin(generator.integer(copy.length), generator.integer(copy.length), length);
    return copy;
  }
  for (let changes = kind === 1 ? 1 : 2 + generator.integer(8); changes > 0; changes--) {
    const at = generator.integer(generator.bernoulli(0.5) ? copy.length : Math.min(64, copy.length));
    copy[at] = generator.bernoulli(0.5) ? generator.integer(256) : copy[at]! ^ (1 << generator.integer(8));
  }
  return copy;
}

let folder = "";
let path = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-fuzz-"));
  path = join(folder, "beschädigt 壊.bin");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a reader makes of a file: a result, or an error of ours that names the file. Other errors fail the test. */
async function outcome<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isHidiffError(error) && error.message.includes("beschädigt 壊.bin")) return undefined;
    throw new Error(`an error without the file's name or code: ${String(error)}`, { cause: error });
  }
}

describe("damaged files are read, or refused with their name", () => {
  it.each(Object.keys(images))("%s", async (name) => {
    const whole = await images[name]!();
    await writeFile(path, whole);
    expect(await outcome(() => readImage(path))).toMatchObject({ width, height });
    const generator = new Generator(name);
    let refused = 0;
    for (let round = 0; round < 200; round++) {
      await writeFile(path, corrupt(whole, generator));
      const image = await outcome(() => (round % 4 === 3 ? readLabels(path) : readImage(path)));
      if (image === undefined) refused++;
      else {
        expect([1, 3]).toContain(image.channels);
        expect(image.data.length).toBe(image.width * image.height * image.channels);
        expect(image.data.length).toBeLessThan(3 * 2 ** 24 + 30_000 * whole.length);
      }
    }
    expect(refused).toBeGreaterThan(40); // every truncation at least, but for a few
  });

  const arrays = new Map<string, NpyArray>([
    ["image", { shape: [3, 17, 23], data: Float32Array.from({ length: 3 * 17 * 23 }, (_, i) => i / 7) }],
    ["label", { shape: [17, 23], data: grey }],
  ]);

  function checkArray({ shape, data }: NpyArray): void {
    expect(shape.reduce((product, length) => product * length, 1)).toBe(data.length);
    expect(data.byteLength).toBeLessThan(2 ** 25);
  }

  it("npz", async () => {
    const whole = encodeNpz(arrays);
    const generator = new Generator("npz");
    for (let round = 0; round < 600; round++) {
      const damaged = corrupt(whole, generator);
      const read = await outcome(async () => decodeNpz(damaged, path));
      for (const array of read?.values() ?? []) checkArray(array);
    }
  });

  it("HDF5", async () => {
    await writeHdf5(path, arrays);
    const whole = await readFile(path);
    const generator = new Generator("hdf5");
    for (let round = 0; round < 600; round++) {
      await writeFile(path, corrupt(whole, generator));
      const read = await outcome(() => readHdf5(path, ["image", "label"]));
      for (const array of read?.values() ?? []) checkArray(array);
      if (round % 5 === 0) await outcome(() => readHdf5Shapes(path));
    }
    await writeFile(path, whole);
    expect(await readHdf5(path, ["image", "label"])).toEqual(arrays);
  });
});
