import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readVolume, readVolumeHeader } from "./read-volume.ts";

const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));
/** The files of the series in order; their names are not. */
const slices = ["slice0", "slice3", "slice2", "slice1"] as const;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-dicom-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A slice of a series of the fixtures, with the first place where a text stands replaced by one of the same length. */
async function slice(index: number, from = "", to = "", series = "dicom-ct"): Promise<Buffer> {
  const bytes = Buffer.from(await readFile(join(fixtures, series, slices[index]!)));
  if (from === "") return bytes;
  expect(from.length).toBe(to.length);
  const at = bytes.indexOf(from, 132, "latin1");
  expect(at).toBeGreaterThan(0);
  bytes.write(to, at, "latin1");
  return bytes;
}

async function put(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(folder, name), bytes);
}

async function message(): Promise<string> {
  const error = await readVolume(folder).then(
    () => new Error("It was accepted."),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ name: "HidiffError", code: "datasets.volume" });
  expect(error.message).toContain(folder);
  return error.message;
}

/** An element in explicit little-endian coding. */
function element(group: number, number: number, type: string, value: string): Buffer {
  const padded = value.length % 2 === 0 ? value : `${value} `;
  const header = Buffer.alloc(8);
  header.writeUInt16LE(group, 0);
  header.writeUInt16LE(number, 2);
  header.write(type, 4, "latin1");
  header.writeUInt16LE(padded.length, 6);
  return Buffer.concat([header, Buffer.from(padded, "latin1")]);
}

describe("reading DICOM series", () => {
  it("ignores what is no DICOM image, and follows links", async () => {
    for (const [index, name] of slices.entries()) {
      if (index === 0) await symlink(join(fixtures, "dicom-ct", name), join(folder, "größe.dcm"));
      else await copyFile(join(fixtures, "dicom-ct", name), join(folder, `${9 - index}`));
    }
    await put("notes.txt", Buffer.from("x"));
    const elements = [element(2, 2, "UI", "1.2.840.10008.1.3.10"), element(2, 0x10, "UI", "1.2.840.10008.1.2.1")];
    await put("DICOMDIR", Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), ...elements]));
    await mkdir(join(folder, "more"));
    await symlink(join(folder, "nowhere"), join(folder, "broken"));
    const volume = await readVolume(folder);
    expect(volume.data).toEqual((await readVolume(join(fixtures, "dicom-ct"))).data);
  });

  it("leaves out slices neither within nor among others: missing ones are named", async () => {
    for (const index of [0, 2, 3]) await put(`${index}`, await slice(index));
    expect(await message()).toMatch(/slices are missing.*between "0" and "2" there are 4 mm, between others 2 mm/);
  });

  it("refuses doubled slices", async () => {
    for (const index of [0, 1, 2]) await put(`${index}`, await slice(index));
    await put("copy", await slice(1));
    expect(await message()).toMatch(/"1" and "copy" lie at the same place|"copy" and "1" lie at the same place/);
  });

  it("refuses several series unless one is chosen", async () => {
    for (const index of [0, 1, 2, 3]) await put(`a${index}`, await slice(index));
    for (const index of [0, 1]) await put(`b${index}`, await slice(index, "498.1.200", "498.1.201"));
    expect(await message()).toMatch(/2 series: .*498\.1\.200 \(CT, dicom-ct; 4 files\); .*498\.1\.201 \(CT, dicom-ct; 2 files\).*series: "…"/);
    const chosen = { series: "1.2.826.0.1.3680043.8.498.1.201" };
    expect((await readVolume(folder, chosen)).shape).toEqual([2, 4, 5]);
    expect((await readVolumeHeader(folder, chosen)).shape).toEqual([2, 4, 5]);
    await expect(readVolume(folder, { series: "1.2.826.0.1.3680043.8.498.1.20" })).rejects.toThrow(/has no series.*Did you mean/s);
  });

  it("refuses mixed sizes, spacings and orientations, and sheared stacks", async () => {
    await put("0", await slice(0));
    const rows = await slice(1);
    const at = rows.indexOf(Buffer.from([0x28, 0, 0x10, 0, 0x55, 0x53, 2, 0, 4, 0]));
    rows.writeUInt16LE(2, at + 8);
    rows.writeUInt16LE(10, at + 18);
    await put("1", rows);
    expect(await message()).toMatch(/"0" has the size 5×4, but "1" 10×2/);
    await put("1", await slice(1, "0.75\\0.5", "0.70\\0.5"));
    expect(await message()).toMatch(/pixel spacing \(0.75, 0.5\), but "1" \(0.7, 0.5\)/);
    await put("1", await slice(1, "1.0000000000\\0.0", "0.0000000000\\1.0"));
    expect(await message()).toMatch(/orientation/);
    await put("1", await slice(1, "-20.000000\\32", "-18.000000\\32"));
    expect(await message()).toMatch(/sheared.*shifted by 2 mm/);
  });

  it("says which file is truncated or damaged", async () => {
    for (const index of [0, 1, 2]) await put(`${index}`, await slice(index));
    const last = await slice(3);
    for (const length of [last.length - 1, last.length - 30, last.length - 60, 500, 300]) {
      await put("3", last.subarray(0, length));
      await expect(readVolume(folder)).rejects.toMatchObject({ code: "datasets.volume", message: expect.stringMatching(/\/3".*truncated/) });
    }
    await put("3", await slice(3, "1.2.840.10008.1.2.1\0", "1.2.840.10008.1.2.2\0"));
    await expect(readVolume(folder)).rejects.toThrow(/big-endian.*not supported/);
  });

  it("reports what ITK cannot decode, and prints nothing", async () => {
    const spies = (["log", "error", "warn"] as const).map((name) => vi.spyOn(console, name));
    for (const index of [0, 1]) {
      const bytes = await slice(index, "1.2.840.10008.1.2.1\0", "1.2.840.10008.1.2.5\0"); // run lengths
      await put(`${index}`, bytes);
      if (index === 0) expect(await message()).toMatch(/says that its pixels are compressed/);
      const at = bytes.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0]));
      const fragments = Buffer.from("e07f10004f420000ffffffff feff00e000000000 feff00e008000000 ffffffffffffffff feffdde000000000".replaceAll(" ", ""), "hex");
      await put(`${index}`, Buffer.concat([bytes.subarray(0, at), fragments]));
    }
    expect(await message()).toMatch(/cannot be decoded|gave 0 voxels/);
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it("applies the scale of every file, also where they differ", async () => {
    for (const index of [0, 1, 3]) await put(`${index}`, await slice(index, "", "", "dicom-oblique"));
    await put("2", await slice(2, "2.5", "1.5", "dicom-oblique"));
    const { data } = await readVolume(folder);
    const whole = (await readVolume(join(fixtures, "dicom-oblique"))).data;
    expect(data).toBeInstanceOf(Float32Array);
    for (let voxel = 0; voxel < 80; voxel++) {
      const stored = (whole[voxel]! - 10) / 2.5;
      expect(data[voxel]).toBe(stored * (Math.floor(voxel / 20) === 2 ? 1.5 : 2.5) + 10);
    }
  });

  it("refuses folders without images and volumes over the limit", async () => {
    await put("notes.txt", Buffer.from("x"));
    expect(await message()).toMatch(/folder without DICOM images/);
    await expect(readVolume(join(fixtures, "dicom-ct"), { limitBytes: 159 })).rejects.toThrow(/take 160 bytes.*limitBytes: 160/);
  });

  it("reads the tags of hundreds of files in little time", async () => {
    const bytes = await slice(0);
    const at = bytes.indexOf("-10.000000\\-20.000000\\30.000000", 0, "latin1");
    for (let index = 0; index < 300; index++) {
      bytes.write((100 + index).toFixed(5), at + "-10.000000\\-20.000000\\".length, "latin1");
      await put(`${index}`, bytes);
    }
    const before = performance.now();
    expect((await readVolumeHeader(folder)).shape).toEqual([300, 4, 5]);
    expect(performance.now() - before).toBeLessThan(3000);
    expect((await readdir(folder)).length).toBe(300);
  });
});
