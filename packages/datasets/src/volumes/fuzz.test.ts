import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Generator } from "@hidiff/core-tensor/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readVolume, readVolumeHeader } from "./read-volume.ts";
import { type Volume, voxelCount } from "./volume.ts";

const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-fuzz-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const random = new Generator("damaged volumes");

/** Truncates, or changes, removes, doubles or inserts a few bytes; more often near the beginning, where headers are. */
function damage(bytes: Buffer): Buffer {
  const place = (): number => Math.floor(bytes.length * random.uniform() ** (random.bernoulli(0.5) ? 1 : 3));
  const kind = random.integer(6);
  if (kind === 0) return bytes.subarray(0, random.integer(bytes.length));
  if (kind === 1) {
    const at = place();
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.integer(20))]);
  }
  if (kind === 2) {
    const [at, length] = [place(), 1 + random.integer(64)];
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - length), at), bytes.subarray(at)]);
  }
  const result = Buffer.from(bytes);
  for (let change = 0; change <= random.integer(4); change++) {
    const at = place();
    // single bits, whole bytes, and the numbers that break things
    if (kind === 3) result[at]! ^= 1 << random.integer(8);
    else if (kind === 4) result[at] = random.integer(256);
    else result.fill([0, 0xff, 0x7f, 0x80][random.integer(4)]!, at, Math.min(bytes.length, at + 1 + random.integer(8)));
  }
  return result;
}

/** Reads a damaged volume: either it is plausible all the same, or an error names it. */
async function check(path: string, files: readonly string[]): Promise<"read" | "refused"> {
  let volume: Volume;
  try {
    volume = await readVolume(path);
  } catch (error) {
    expect(error).toMatchObject({ name: "HidiffError", code: expect.stringMatching(/^(datasets\.(volume|voxels|path)|file\.read)$/) });
    expect(files.some((file) => (error as Error).message.includes(file))).toBe(true);
    // The header alone may be sound, or the same kind of error.
    await readVolumeHeader(path).catch((reason: unknown) => expect(reason).toMatchObject({ name: "HidiffError" }));
    return "refused";
  }
  expect(volume.data.length).toBe(voxelCount(volume.shape) * volume.channels);
  // a few times the voxels of the fixtures
  expect(volume.data.length).toBeLessThan(100_000);
  const { spacing, origin, direction } = volume.geometry;
  expect([...spacing, ...origin, ...direction, volume.slope, volume.intercept].every(Number.isFinite)).toBe(true);
  expect(spacing.every((value) => value > 0)).toBe(true);
  for (let index = 0; index < volume.data.length; index++) expect(Number.isFinite(volume.data[index])).toBe(true);
  return "read";
}

const single = [
  "straight.nii", "big-endian.nii", "qform.nii.gz", "left-handed.nii.gz", "nifti2.nii.gz", "nifti2-big-endian.nii", "four-dimensions.nii.gz", "rgb.nii",
  "oblique.nrrd", "left-handed.nrrd", "vector.nrrd", "oblique.mha", "left-handed.mha", "vector.mha",
];

describe("damaged volume files give a plausible volume or an error that names them", () => {
  it.each(single)("%s", async (name) => {
    const bytes = await readFile(join(fixtures, name));
    const path = join(folder, name);
    const counts = { read: 0, refused: 0 };
    for (let round = 0; round < 100; round++) {
      await writeFile(path, damage(bytes));
      counts[await check(path, [path])]++;
    }
    expect(counts.refused).toBeGreaterThan(20);
  });

  it.each([
    ["detached.nhdr", "detached.raw"],
    ["separate.mhd", "separate.raw"],
    ["separate-compressed.mhd", "separate-compressed.zraw"],
  ])("%s with %s", async (header, data) => {
    const counts = { read: 0, refused: 0 };
    for (let round = 0; round < 100; round++) {
      await copyFile(join(fixtures, header), join(folder, header));
      await copyFile(join(fixtures, data), join(folder, data));
      const victim = round % 2 === 0 ? header : data;
      await writeFile(join(folder, victim), damage(await readFile(join(fixtures, victim))));
      counts[await check(join(folder, header), [join(folder, header)])]++;
    }
    expect(counts.refused).toBeGreaterThan(20);
  });

  it.each(["dicom-ct", "dicom-oblique"])("%s", async (name) => {
    const series = join(folder, name);
    const counts = { read: 0, refused: 0 };
    for (let round = 0; round < 25; round++) {
      await rm(series, { recursive: true, force: true });
      await mkdir(series);
      await cp(join(fixtures, name), series, { recursive: true });
      const victim = join(series, (await readdir(series)).filter((file) => file.startsWith("slice"))[random.integer(4)]!);
      await writeFile(victim, damage(await readFile(victim)));
      expect((await stat(victim)).isFile()).toBe(true);
      counts[await check(series, [series])]++;
    }
    expect(counts.refused).toBeGreaterThan(5);
  });
});
