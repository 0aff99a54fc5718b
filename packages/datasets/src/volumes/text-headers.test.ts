import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readImageNode } from "@itk-wasm/image-io";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { geometryDifference } from "./geometry.ts";
import { readVolume } from "./read-volume.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-headers-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const data = Buffer.from(Int16Array.from({ length: 60 }, (_, index) => index).buffer);

async function write(name: string, header: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, Buffer.concat([Buffer.from(header), data]));
  return path;
}

const nrrd = (fields: string): Promise<string> =>
  write("a.nrrd", `NRRD0004\n# a comment\ntype: short\nendian: little\nencoding: raw\nkey:=value\n${fields}\n\n`);
const meta = (fields: string): Promise<string> => write("a.mha", `${fields}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n`);
const turned = "space directions: (1,0,0) (0,0,2) (0,3,0)\nspace origin: (1,2,3)";

/** Reads as ITK does, which is the reference for both formats. */
async function compare(path: string): Promise<void> {
  const ours = await readVolume(path);
  const theirs = await readImageNode(path);
  expect(ours.shape.toReversed()).toEqual(theirs.size);
  expect(Array.from(ours.data)).toEqual(Array.from(theirs.data as Int16Array));
  const geometry = {
    spacing: theirs.spacing as [number, number, number],
    origin: theirs.origin as [number, number, number],
    direction: Array.from(theirs.direction as Float64Array),
  };
  expect(geometryDifference(ours.geometry, geometry, 1e-9)).toBeUndefined();
}

describe("headers of text, read as ITK reads them", () => {
  it.each([
    "dimension: 3\nsizes: 5 4 3",
    "dimension: 3\r\nsizes: 5 4 3\r\nspacings: 1.5 2 3",
    "dimension: 3\nsizes: 5 4 3\nspacings: 1.5 2 nan\nthicknesses: nan nan 5",
    "dimension: 3\nsizes: 5 4 3\nspacings: 1.5 2 3\naxis mins: 10 20 30",
    "dimension: 3\nsizes: 5 4 3\nspacings: 1.5 2 3\naxis mins: 10 20 30\ncenters: node node node",
    `dimension: 3\nspace: RAS\nsizes: 5 4 3\n${turned}`,
    `dimension: 3\nspace: left-posterior-superior\nsizes: 5 4 3\n${turned}`,
    `dimension: 3\nspace: 3D-left-handed\nsizes: 5 4 3\n${turned}`,
    `dimension: 3\nspace dimension: 3\nsizes: 5 4 3\n${turned}`,
  ])("NRRD %j", async (fields) => compare(await nrrd(fields)));

  it.each([
    "ObjectType = Image\nNDims = 3\nDimSize = 5 4 3",
    "NDims = 3\nDimSize = 5 4 3\nElementSize = 1 2 3\nPosition = 1 2 3\nElementByteOrderMSB = True",
    "NDims = 3\nDimSize = 5 4 3\nElementSpacing = 1 2 3\nOrigin = 1 2 3\nRotation = 0 1 0 0 0 1 1 0 0\nCenterOfRotation = 5 5 5\nHeaderSize = -1",
  ])("MetaImage %j", async (fields) => compare(await meta(fields)));
});

describe("headers of text beyond what ITK reads", () => {
  it("knows left-anterior-superior, of which ITK turns the wrong axis", async () => {
    const { geometry } = await readVolume(await nrrd(`dimension: 3\nspace: LAS\nsizes: 5 4 3\n${turned}`));
    expect(geometry).toEqual({ spacing: [1, 2, 3], origin: [1, -2, 3], direction: [1, 0, 0, 0, 0, -1, 0, 1, 0] });
  });

  it("makes volumes of one slice from images of two dimensions", async () => {
    const slice = await readVolume(await nrrd("dimension: 2\nspace: RAS\nsizes: 5 12\nspace directions: (0,1.5,0) (0,0,2)\nspace origin: (1,2,3)"));
    expect(slice).toMatchObject({ shape: [1, 12, 5], geometry: { spacing: [1.5, 2, 1], origin: [-1, -2, 3], direction: [0, 0, -1, -1, 0, 0, 0, 1, 0] } });
    const other = await readVolume(await meta("NDims = 2\nDimSize = 5 12\nElementSpacing = 1 2"));
    expect(other).toMatchObject({ shape: [1, 12, 5], geometry: { spacing: [1, 2, 1] } });
  });

  it("takes the channels from the first or the last axis", async () => {
    const last = await readVolume(await nrrd("dimension: 4\nsizes: 5 4 1 3\nkinds: domain domain domain list"));
    expect(last).toMatchObject({ shape: [1, 4, 5], channels: 3 });
    expect(Array.from(last.data)).toEqual(Array.from({ length: 60 }, (_, index) => index));
    const first = await readVolume(await nrrd("dimension: 4\nsizes: 3 5 4 1\nkinds: list domain domain domain"));
    expect(Array.from(first.data.subarray(0, 3))).toEqual([0, 3, 6]);
    await expect(readVolume(await nrrd("dimension: 4\nsizes: 5 3 4 1\nkinds: domain list domain domain"))).rejects.toThrow(/axes are not understood/);
  });

  it("applies the scale of MetaImage elements", async () => {
    const fields = "NDims = 3\nDimSize = 5 4 3\nElementToIntensityFunctionSlope = 2\nElementToIntensityFunctionOffset = 1";
    expect(await readVolume(await meta(fields))).toMatchObject({ slope: 2, intercept: 1 });
  });
});
