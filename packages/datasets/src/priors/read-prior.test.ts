import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeNpz, type NpyArray } from "@hidiff/core-tensor/files";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "../loaders/volume-cases/fixtures.ts";
import { imageFailure } from "../raster/fail.ts";
import { readPalettePng } from "../raster/palette-png.ts";
import { writePng } from "../raster/write-png.ts";
import type { ImageStack } from "../types.ts";
import { readVolume, readVolumeHeader } from "../volumes/read-volume.ts";
import { orientVolume } from "../volumes/orientation.ts";
import { type PriorTarget, readPrior } from "./read-prior.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-prior-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

function photograph(height: number, width: number, classes: number): PriorTarget {
  return { image: { depth: 1, height, width, spacing: [1, 1, 1] }, classes };
}

function values(stack: ImageStack): number[] {
  return Array.from({ length: stack.depth }, (_, index) => Array.from(stack.slice(index))).flat();
}

const f32 = (numbers: readonly number[]): number[] => [...Float32Array.from(numbers)];

describe("pictures", () => {
  const grey = async (name: string, data: Uint8Array): Promise<string> => {
    await writePng(at(name), { height: 2, width: 3, channels: 1, data });
    return at(name);
  };

  it("are masks of 0 and 255, masks of 0 and 1, or probabilities, for one class", async () => {
    const target = photograph(2, 3, 1);
    const stack = await readPrior(await grey("black-white.png", Uint8Array.of(0, 255, 255, 0, 0, 255)), target);
    expect(stack).toMatchObject({ depth: 1, height: 2, width: 3, channels: 1, outside: [0] });
    expect(values(stack)).toEqual([0, 1, 1, 0, 0, 1]);
    expect(values(await readPrior(await grey("ones.png", Uint8Array.of(0, 1, 1, 0, 0, 1)), target))).toEqual([0, 1, 1, 0, 0, 1]);
    expect(values(await readPrior(await grey("empty.png", new Uint8Array(6)), target))).toEqual([0, 0, 0, 0, 0, 0]);
    // Of an image without foreground, rounded.
    expect(values(await readPrior(await grey("faint_prob.png", Uint8Array.of(0, 1, 1, 0, 0, 1)), target))).toEqual(f32([0, 1, 1, 0, 0, 1].map((value) => value / 255)));
    const shades = [0, 1, 64, 128, 254, 255];
    expect(values(await readPrior(await grey("shades.png", Uint8Array.from(shades)), target))).toEqual(f32(shades.map((value) => value / 255)));
  });

  it("may have 16 bits, colours that are grey, or a palette", async () => {
    const target = photograph(2, 3, 1);
    const deep = [0, 1, 255, 256, 40_000, 65_535];
    await sharp(Uint16Array.from(deep), { raw: { width: 3, height: 2, channels: 1 } }).toColourspace("grey16").tiff({ compression: "none" }).toFile(at("deep.tif"));
    expect(values(await readPrior(at("deep.tif"), target))).toEqual(f32(deep.map((value) => value / 65_535)));
    await writePng(at("rgb.png"), { height: 2, width: 3, channels: 3, data: Uint8Array.from([0, 51, 102, 153, 204, 255].flatMap((value) => [value, value, value])) });
    expect(values(await readPrior(at("rgb.png"), target))).toEqual(f32([0, 0.2, 0.4, 0.6, 0.8, 1]));
    const colours = Uint8Array.from([0, 1, 1, 0, 0, 0].flatMap((index) => (index === 0 ? [0, 0, 0] : [200, 20, 20])));
    await sharp(colours, { raw: { width: 3, height: 2, channels: 3 } }).png({ palette: true, dither: 0 }).toFile(at("palette.png"));
    const bytes = await readFile(at("palette.png"));
    const { indices } = readPalettePng(bytes, imageFailure("palette.png", bytes.length)); // the encoder numbers the colours
    expect(new Set(indices)).toEqual(new Set([0, 1]));
    expect(values(await readPrior(at("palette.png"), target))).toEqual([...indices]);
    await writePng(at("colour.png"), { height: 2, width: 3, channels: 3, data: colours });
    await expect(readPrior(at("colour.png"), target)).rejects.toMatchObject({ code: "datasets.labels", message: expect.stringContaining("color image") });
  });

  it("hold class numbers for several classes, which become one-hot", async () => {
    const stack = await readPrior(await grey("classes.png", Uint8Array.of(0, 2, 1, 1, 0, 0)), photograph(2, 3, 3));
    expect(stack).toMatchObject({ channels: 3, outside: [1, 0, 0] });
    expect(values(stack)).toEqual([1, 0, 0, /**/ 0, 0, 1, /**/ 0, 1, 0, /**/ 0, 1, 0, /**/ 1, 0, 0, /**/ 1, 0, 0]);
    await expect(readPrior(await grey("too-many.png", Uint8Array.of(0, 3, 1, 1, 0, 0)), photograph(2, 3, 3))).rejects.toMatchObject({
      code: "datasets.priors",
      message: expect.stringMatching(/too-many\.png" holds the value 3; expected the class numbers 0 … 2 .* probabilities in 3 channels/),
    });
  });

  it("must have the image's size, and be of no volume", async () => {
    const path = await grey("small.png", new Uint8Array(6));
    await expect(readPrior(path, photograph(3, 2, 1))).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("is 3×2 but its image is 2×3 pixels") });
    await expect(readPrior(path, { ...photograph(2, 3, 1), image: { depth: 2, height: 2, width: 3, spacing: [1, 1, 1] } })).rejects.toMatchObject({
      message: expect.stringMatching(/is a picture, and its image is a volume \(3×2×2\)/),
    });
  });
});

const shape = [3, 4, 5] as const;
const place = (slice: number, row: number, column: number): number => (slice * 20 + row * 5 + column) / 59;

/** Turns the grid of a NIfTI file about its origin, so that its axes are no plane's. */
async function oblique(path: string): Promise<void> {
  const bytes = await readFile(path);
  const [a, b] = [0.3, -0.2];
  const rotation = [
    [Math.cos(a), -Math.sin(a) * Math.cos(b), Math.sin(a) * Math.sin(b)],
    [Math.sin(a), Math.cos(a) * Math.cos(b), -Math.cos(a) * Math.sin(b)],
    [0, Math.sin(b), Math.cos(b)],
  ];
  for (let column = 0; column < 4; column++) {
    const old = [0, 1, 2].map((row) => bytes.readFloatLE(280 + 16 * row + 4 * column));
    rotation.forEach((row, index) => bytes.writeFloatLE(row[0]! * old[0]! + row[1]! * old[1]! + row[2]! * old[2]!, 280 + 16 * index + 4 * column));
  }
  await writeFile(path, bytes);
}

/** A target whose image is the volume in a file. */
async function cut(path: string, classes: number): Promise<PriorTarget> {
  const volume = await readVolume(path);
  return { image: orientVolume(volume, "axial").image, classes, volume: { header: await readVolumeHeader(path), plane: "axial" } };
}

describe("volumes", () => {
  it.each(["LPS", "RAS", "ASL", "PIR"])("stored along %s come onto the slices of the image, also as arrays in its file's order, also of oblique grids", async (axes) => {
    for (const turned of [false, true]) {
      const [image, prior] = [at(`image-${axes}.nii`), at(`prior-${axes}.nii`)];
      await writeNifti(image, { shape, value: () => 7 }, axes);
      await writeNifti(prior, { shape, value: place }, axes, "float32");
      if (turned) for (const path of [image, prior]) await oblique(path);
      const target = await cut(image, 1);
      const stored = await readVolume(prior);
      await writeFile(at("prior.npz"), encodeNpz(new Map([["probability", { shape: stored.shape, data: stored.data as Float32Array }]])));
      const expected = f32(Array.from({ length: 60 }, (_, voxel) => place(Math.floor(voxel / 20), Math.floor(voxel / 5) % 4, voxel % 5)));
      expect(values(await readPrior(prior, target))).toEqual(expected);
      expect(values(await readPrior(at("prior.npz"), target))).toEqual(expected);
    }
  });

  it("are class numbers, a channel a class, or background and foreground", async () => {
    const image = at("image.nii");
    await writeNifti(image, { shape, value: () => 7 });
    const label = (slice: number, row: number, column: number): number => (slice + row + column) % 3;
    await writeNifti(at("labels.nii.gz"), { shape, value: label }, "LPS", "uint8");
    const hot = values(await readPrior(at("labels.nii.gz"), await cut(image, 3)));
    expect(hot.slice(0, 6)).toEqual([1, 0, 0, 0, 1, 0]);
    await writeNifti(at("hot.nii.gz"), { shape, channels: 3, value: (s, r, c, channel) => Number(label(s, r, c) === channel) }, "LPS", "float32");
    expect(values(await readPrior(at("hot.nii.gz"), await cut(image, 3)))).toEqual(hot);
    await writeNifti(at("two.nii"), { shape, channels: 2, value: (s, r, c, channel) => (channel === 1 ? place(s, r, c) : 1 - place(s, r, c)) }, "LPS", "float32");
    await writeNifti(at("one.nii"), { shape, value: place }, "LPS", "float32");
    expect(values(await readPrior(at("two.nii"), await cut(image, 1)))).toEqual(values(await readPrior(at("one.nii"), await cut(image, 1))));
    await writeNifti(at("mask.nii"), { shape, value: (s, r, c) => (label(s, r, c) === 1 ? 255 : 0) }, "LPS", "uint8");
    expect(values(await readPrior(at("mask.nii"), await cut(image, 1)))).toEqual(hot.filter((_, index) => index % 3 === 1));
  });

  it("are refused with numbers that are none of these, or on another grid", async () => {
    const image = at("image.nii");
    await writeNifti(image, { shape, value: () => 7 });
    const fails = async (name: string, classes: number, message: RegExp): Promise<void> => {
      await expect(readPrior(at(name), await cut(image, classes))).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringMatching(message) });
    };
    await writeNifti(at("logits.nii"), { shape, value: (s) => s - 1.5 }, "LPS", "float32");
    await fails("logits.nii", 1, /holds the value -1\.5; expected probabilities in \[0, 1\], or a mask/);
    await fails("logits.nii", 3, /holds the value -1\.5; expected the class numbers 0 … 2/);
    await writeNifti(at("unnormalized.nii"), { shape, channels: 3, value: () => 0.5 }, "LPS", "float32");
    await fails("unnormalized.nii", 3, /sum to 1\.5 over the 3 classes; expected 1/);
    await fails("unnormalized.nii", 4, /has 3 channels; expected one of class numbers or 4/);
    await fails("unnormalized.nii", 1, /has 3 channels; expected one \(a mask or the foreground's probabilities\) or two/);
    await writeNifti(at("wide.nii"), { shape: [3, 4, 6], value: () => 0 });
    await fails("wide.nii", 1, /has 6×4×3 voxels, its image ".*image\.nii" 5×4×3/);
    await writeNifti(at("stretched.nii"), { shape, spacing: [2, 1, 1], value: () => 0 });
    await fails("stretched.nii", 1, /does not lie on ".*image\.nii": the spacing is \(1, 1, 2\) mm instead/);
    await writeNifti(at("turned.nii"), { shape, value: () => 0 });
    await oblique(at("turned.nii"));
    await fails("turned.nii", 1, /the direction is/);
    await expect(readPrior(at("wide.nii"), photograph(4, 6, 1))).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("tells no place in the patient") });
  });
});

describe("arrays", () => {
  const save = async (arrays: Readonly<Record<string, NpyArray>>): Promise<string> => {
    const path = at("arrays.npz");
    await writeFile(path, encodeNpz(new Map(Object.entries(arrays))));
    return path;
  };
  const array = (lengths: readonly number[], value: (...place: number[]) => number): NpyArray => {
    const data = Float32Array.from({ length: lengths.reduce((a, b) => a * b, 1) }, (_, index) => {
      const where: number[] = [];
      for (const length of lengths.toReversed()) {
        where.unshift(index % length);
        index = Math.floor(index / length);
      }
      return value(...where);
    });
    return { shape: lengths, data };
  };
  const volume = (classes: number): PriorTarget => ({ image: { depth: 3, height: 4, width: 5, spacing: [1, 1, 1] }, classes });
  /** Probabilities of three classes. */
  const split = (channel: number, s: number, r: number, c: number): number => [1 - place(s, r, c), place(s, r, c) / 4, (3 * place(s, r, c)) / 4][channel]!;
  const expected = f32(Array.from({ length: 180 }, (_, index) => split(index % 3, Math.floor(index / 60), Math.floor(index / 15) % 4, Math.floor(index / 3) % 5)));

  it("of volumes have the classes first, last, or are class numbers", async () => {
    const target = volume(3);
    for (const name of ["probabilities", "prior", "arr_0"]) expect(values(await readPrior(await save({ [name]: array([3, 3, 4, 5], split) }), target))).toEqual(expected);
    expect(values(await readPrior(await save({ probability: array([3, 4, 5, 3], (s, r, c, channel) => split(channel!, s!, r!, c!)) }), target))).toEqual(expected);
    const labels = { shape: [3, 4, 5], data: Uint8Array.from({ length: 60 }, (_, voxel) => voxel % 3) };
    const hot = Array.from({ length: 180 }, (_, index) => Number(Math.floor(index / 3) % 3 === index % 3));
    expect(values(await readPrior(await save({ mask: labels }), target))).toEqual(hot);
    expect(values(await readPrior(await save({ mask: { ...labels, shape: [1, 3, 4, 5] } }), target))).toEqual(hot);
  });

  it("of images have a slice axis or none, and for one class one channel or two", async () => {
    const target = photograph(4, 5, 1);
    const foreground = f32(Array.from({ length: 20 }, (_, pixel) => pixel / 20));
    const one = (...[row, column]: number[]): number => (5 * row! + column!) / 20;
    const layouts: readonly NpyArray[] = [
      array([4, 5], one),
      array([1, 4, 5], (_, ...rest) => one(...rest)),
      array([4, 5, 1], (...rest) => one(...rest.slice(0, 2))),
      array([1, 1, 4, 5], (_a, _b, ...rest) => one(...rest)),
    ];
    for (const layout of layouts) expect(values(await readPrior(await save({ prior: layout }), target))).toEqual(foreground);
    const two = (channel: number, ...rest: number[]): number => (channel === 1 ? one(...rest) : 1 - one(...rest));
    expect(values(await readPrior(await save({ probabilities: array([2, 1, 4, 5], (channel, _, ...rest) => two(channel!, ...rest)) }), target))).toEqual(foreground);
    expect(values(await readPrior(await save({ prior: array([2, 4, 5], (channel, ...rest) => two(channel!, ...rest)) }), target))).toEqual(foreground);
    expect(values(await readPrior(await save({ prior: array([4, 5, 2], (row, column, channel) => two(channel!, row!, column!)) }), target))).toEqual(foreground);
  });

  it("are refused where their axes may be several, do not fit, or have other names", async () => {
    const cube = { image: { depth: 3, height: 3, width: 3, spacing: [1, 1, 1] }, classes: 3 } as const;
    const even = array([3, 3, 3, 3], () => 1 / 3);
    await expect(readPrior(await save({ prior: even }), cube)).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringMatching(/may be its first or its last axis/) });
    expect(values(await readPrior(await save({ probabilities: even }), cube))).toHaveLength(81);
    await expect(readPrior(await save({ probabilities: array([4, 5, 3, 3], split) }), volume(3))).rejects.toMatchObject({
      code: "datasets.priors",
      message: expect.stringMatching(/of the shape \[4, 5, 3, 3\]; the image needs one of \[3, 4, 5\], \[1, 3, 4, 5\], .*\[3, 3, 4, 5\]/),
    });
    await expect(readPrior(await save({ softmax: even, other: even }), cube)).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("holds the arrays softmax, other;") });
  });

  it("cannot follow the order of a DICOM series", async () => {
    const series = join(import.meta.dirname, "../volumes/fixtures/dicom-ct");
    const target = await cut(series, 1);
    await expect(readPrior(await save({ prior: array([...target.volume!.header.shape], () => 0) }), target)).rejects.toMatchObject({ code: "datasets.priors", message: expect.stringContaining("no order in a file") });
  });
});
