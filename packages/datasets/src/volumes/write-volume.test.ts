import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Generator } from "@hidiff/core-tensor/random";
import { readImageNode } from "@itk-wasm/image-io";
import { readHeader, readImage } from "nifti-reader-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Geometry } from "../types.ts";
import { geometryDifference, geometryFromSteps } from "./geometry.ts";
import { orientVolume } from "./orientation.ts";
import { quietly } from "./quietly.ts";
import { readVolume } from "./read-volume.ts";
import type { VolumeHeader } from "./volume.ts";
import { writeLabelVolume, writeMapVolume } from "./write-volume.ts";

const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-write-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const labelsOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7) % 256);
const mapOf = (length: number): Float32Array => Float32Array.from({ length }, (_, index) => Math.sin(index));

interface Independent {
  readonly data: readonly number[];
  readonly geometry: Geometry;
  readonly size: readonly number[];
  readonly type: string;
  readonly components: number;
}

/** What an independent reader says: ITK's, through ITK-Wasm. */
async function itk(path: string): Promise<Independent> {
  const result = await quietly(() => readImageNode(path)); // it warns of units
  if ("error" in result) throw result.error;
  const image = result.value;
  return {
    data: Array.from(image.data as Float32Array),
    geometry: {
      spacing: image.spacing as [number, number, number],
      origin: image.origin as [number, number, number],
      direction: Array.from(image.direction as Float64Array),
    },
    size: image.size,
    type: image.imageType.componentType,
    components: image.imageType.components,
  };
}

/** What an independent reader of NIfTI-2, which ITK does not know, says: nifti-reader-js. */
function niftiReader(bytes: Uint8Array): Independent {
  const buffer = new Uint8Array(bytes).buffer;
  const header = readHeader(buffer);
  const view = new DataView(readImage(header, buffer));
  const float = header.datatypeCode === 16;
  const { affine, dims } = header as { affine: number[][]; dims: number[] };
  const columns = [0, 1, 2].map((column) => [-affine[0]![column]!, -affine[1]![column]!, affine[2]![column]!] as const);
  const geometry = geometryFromSteps(columns[0]!, columns[1]!, columns[2], [-affine[0]![3]!, -affine[1]![3]!, affine[2]![3]!]);
  if (typeof geometry === "string") throw new Error(geometry);
  return {
    data: Array.from({ length: view.byteLength / (float ? 4 : 1) }, (_, i) => (float ? view.getFloat32(4 * i, header.littleEndian) : view.getUint8(i))),
    geometry,
    size: dims.slice(1, 4),
    type: float ? "float32" : "uint8",
    components: 1,
  };
}

/** A header without its NIfTI bytes: for the way from other formats. */
function like(geometry: Geometry): VolumeHeader {
  return { path: "scan.nrrd", format: "nrrd", shape: [3, 4, 5], channels: 1, slope: 1, intercept: 0, geometry };
}

const niftiFixtures = [
  "straight.nii", "big-endian.nii", "qform.nii.gz", "left-handed.nii.gz", "left-handed-qform.nii.gz", "forms-differ.nii", "no-forms.nii", "metres.nii.gz",
  "nifti2.nii.gz", "nifti2-big-endian.nii", "four-dimensions.nii.gz", "two-dimensions.nii", "rgb.nii",
];

/** The bytes of a NIfTI header that tell where the voxels lie, and the texts: [from, to). */
const kept = {
  348: [[0, 40], [76, 108], [123, 124], [132, 328]],
  540: [[0, 12], [104, 168], [208, 504], [524, 540]],
} as const;

describe("writing NIfTI on the grid of a NIfTI file", () => {
  it.each(niftiFixtures)("%s: the geometry stays bit for bit, and labels and maps come back", async (name) => {
    const source = await readVolume(join(fixtures, name));
    const voxels = source.data.length / source.channels;
    const [labels, map] = [labelsOf(voxels), mapOf(voxels)];
    for (const extension of [".nii", ".nii.gz"]) {
      const labelPath = join(folder, `größe${extension}`);
      const mapPath = join(folder, `map${extension}`);
      await writeLabelVolume(labelPath, labels, source);
      await writeMapVolume(mapPath, map, source);
      for (const [path, data] of [[labelPath, labels], [mapPath, map]] as const) {
        const bytes = extension === ".nii" ? await readFile(path) : gunzipSync(await readFile(path));
        const header = source.header!;
        for (const [from, to] of kept[header.length as 348 | 540]) expect(bytes.subarray(from, to)).toEqual(Buffer.from(header.subarray(from, to)));
        expect(bytes.length).toBe(header.length + 4 + data.byteLength);
        const back = await readVolume(path);
        expect(back).toMatchObject({ shape: source.shape, channels: 1, slope: 1, intercept: 0, geometry: source.geometry });
        expect(back.data).toEqual(data);
        const independent = name.startsWith("nifti2") ? niftiReader(bytes) : await itk(path);
        expect(independent.data).toEqual(Array.from(data));
        expect(independent.type).toBe(data === labels ? "uint8" : "float32");
        expect(independent.size).toEqual(source.shape.toReversed());
        // ITK takes the units of the spacing only, and calls its own axes the file's where there are no forms.
        if (!["metres.nii.gz", "no-forms.nii"].includes(name)) expect(geometryDifference(source.geometry, independent.geometry, 1e-5)).toBeUndefined();
      }
    }
    expect((await readdir(folder)).length).toBe(4);
  });

  it("writes maps of several channels as a fourth dimension", async () => {
    const source = await readVolume(join(fixtures, "big-endian.nii"));
    const path = join(folder, "maps.nii.gz");
    await writeMapVolume(path, mapOf(180), source);
    const back = await readVolume(path);
    expect(back).toMatchObject({ channels: 3, data: mapOf(180), geometry: source.geometry });
  });

  it("writes what was segmented in oriented slices where it belongs", async () => {
    const source = await readVolume(join(fixtures, "left-handed.nii.gz"));
    const oriented = orientVolume(source);
    // a label for the voxel with the largest value, as seen in the slices
    const { depth, height, width } = oriented.image;
    const labels = { depth, height, width, slice: (index: number) => Uint8Array.from(oriented.image.slice(index), (value) => Number(value === 59)) };
    const path = join(folder, "labels.nii.gz");
    await writeLabelVolume(path, oriented.restore(labels), source);
    expect([...(await readVolume(path)).data]).toEqual(Array.from(source.data, (value) => Number(value === 59)));
  });
});

describe("writing volumes on other grids", () => {
  it("writes NIfTI with the grid of any geometry, which ITK reads from the sform and the qform alike", async () => {
    const random = new Generator("grids");
    for (let round = 0; round < 30; round++) {
      const geometry = randomGeometry(random);
      const path = join(folder, "labels.nii");
      await writeLabelVolume(path, labelsOf(60), like(geometry));
      expect(geometryDifference(geometry, (await readVolume(path)).geometry, 1e-5)).toBeUndefined();
      expect(geometryDifference(geometry, (await itk(path)).geometry, 1e-5)).toBeUndefined();
      const bytes = await readFile(path);
      bytes.writeInt16LE(0, 254); // the sform's code: what is left is the qform
      await writeFile(path, bytes);
      expect(geometryDifference(geometry, (await readVolume(path)).geometry, 2e-5)).toBeUndefined();
      if (round < 6) expect(geometryDifference(geometry, (await itk(path)).geometry, 2e-5)).toBeUndefined();
    }
  });

  it("writes a sheared grid with a sform alone", async () => {
    const half = Math.SQRT1_2;
    const geometry: Geometry = { spacing: [1, 2, 3], origin: [1, 2, 3], direction: [1, half, 0, 0, half, 0, 0, 0, 1] };
    const path = join(folder, "labels.nii");
    await writeLabelVolume(path, labelsOf(60), like(geometry));
    expect(geometryDifference(geometry, (await readVolume(path)).geometry, 1e-5)).toBeUndefined();
    expect((await readFile(path)).readInt16LE(252)).toBe(0);
  });

  it.each([".nrrd", ".nhdr", ".mha", ".mhd"])("writes %s, which ITK reads, and leaves nothing else behind", async (extension) => {
    for (const name of ["big-endian.nii", "left-handed.nrrd", "dicom-oblique"]) {
      const source = await readVolume(join(fixtures, name));
      const voxels = source.data.length;
      for (const [stem, data] of [["labels é", labelsOf(voxels)], ["map", mapOf(voxels)]] as const) {
        const path = join(folder, `${stem}${extension}`);
        if (data instanceof Uint8Array) await writeLabelVolume(path, data, source);
        else await writeMapVolume(path, data, source);
        const back = await readVolume(path);
        expect(back.data).toEqual(data);
        expect(geometryDifference(source.geometry, back.geometry, 1e-9)).toBeUndefined();
        const independent = await itk(path);
        expect(independent.data).toEqual(Array.from(data));
        expect(geometryDifference(source.geometry, independent.geometry, 1e-9)).toBeUndefined();
      }
    }
    expect((await readdir(folder)).length).toBe([".nhdr", ".mhd"].includes(extension) ? 4 : 2);
  });

  it.each([".nrrd", ".mha"])("writes maps of several channels as %s", async (extension) => {
    const source = await readVolume(join(fixtures, "oblique.mha"));
    const path = join(folder, `maps${extension}`);
    await writeMapVolume(path, mapOf(120), source);
    expect(await readVolume(path)).toMatchObject({ channels: 2, data: mapOf(120) });
    const { data, components } = await itk(path);
    expect(components).toBe(2);
    expect(data[1]).toBe(Math.fround(Math.sin(60)));
  });

  it("says what cannot be written, and leaves what was there", async () => {
    const source = await readVolume(join(fixtures, "straight.nii"));
    const named = { code: "datasets.size", message: expect.stringContaining("a.nii") };
    await expect(writeLabelVolume(join(folder, "a.nii"), labelsOf(59), source)).rejects.toMatchObject(named);
    await expect(writeMapVolume(join(folder, "a.nii"), mapOf(61), source)).rejects.toMatchObject({ code: "datasets.size" });
    const long = { ...like(source.geometry), shape: [1, 1, 32768] as const };
    await expect(writeLabelVolume(join(folder, "a.nii"), labelsOf(32768), long)).rejects.toThrow(/a\.nii" would have 32768×1×1.*at most 32767/);
    await expect(writeLabelVolume(join(folder, "a.png"), labelsOf(60), source)).rejects.toThrow(/a\.png.*\.nii\.gz/);
    for (const name of ["a.nii.gz", "a.mha"]) {
      const missing = join(folder, "missing", name);
      await expect(writeLabelVolume(missing, labelsOf(60), source)).rejects.toMatchObject({ code: "file.write", message: expect.stringContaining(missing) });
    }
    await copyFile(join(fixtures, "straight.nii"), join(folder, "kept.nii"));
    const interrupted = new Proxy(labelsOf(60), {
      get: (labels, key) => {
        if (key === "buffer") throw new Error("stopped"); // while the pieces are written
        return Reflect.get(labels, key, labels) as unknown;
      },
    });
    await expect(writeLabelVolume(join(folder, "kept.nii"), interrupted, source)).rejects.toThrow(/kept\.nii: stopped/);
    expect(await readFile(join(folder, "kept.nii"))).toEqual(await readFile(join(fixtures, "straight.nii")));
    expect(await readdir(folder)).toEqual(["kept.nii"]);
  });
});

/** Random directions (Gram–Schmidt), half of them left-handed. */
function randomGeometry(random: Generator): Geometry {
  const normalize = (v: number[]): number[] => v.map((value) => value / Math.hypot(...v));
  const i = normalize([random.normal(), random.normal(), random.normal()]);
  const other = [random.normal(), random.normal(), random.normal()];
  const along = other.reduce((sum, value, axis) => sum + value * i[axis]!, 0);
  const j = normalize(other.map((value, axis) => value - along * i[axis]!));
  const sign = random.bernoulli(0.5) ? 1 : -1;
  const k = [i[1]! * j[2]! - i[2]! * j[1]!, i[2]! * j[0]! - i[0]! * j[2]!, i[0]! * j[1]! - i[1]! * j[0]!].map((value) => sign * value);
  return {
    spacing: [random.uniform(0.5, 3), random.uniform(0.5, 3), random.uniform(0.5, 3)],
    origin: [random.uniform(-50, 50), random.uniform(-50, 50), random.uniform(-50, 50)],
    direction: [i[0]!, j[0]!, k[0]!, i[1]!, j[1]!, k[1]!, i[2]!, j[2]!, k[2]!],
  };
}
