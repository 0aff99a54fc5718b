import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { positionOf } from "./geometry.ts";
import { readVolume, readVolumeHeader } from "./read-volume.ts";

const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));

/** What nibabel and SimpleITK say of the fixtures, see scripts/make-volume-fixtures.py. */
interface Expected {
  readonly shape: readonly [number, number, number];
  readonly channels: number;
  readonly slope: number;
  readonly intercept: number;
  /** 3×4, towards left, back and head. */
  readonly affine: readonly number[];
  /** Real values, [channels, depth, height, width]. */
  readonly values: readonly number[];
}

const expected = JSON.parse(await readFile(join(fixtures, "expected.json"), "utf8")) as Record<string, Expected>;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-volumes-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The error of reading a file that is made from a fixture's bytes. */
async function errorOf(name: string, bytes: Uint8Array, options = {}): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const error = await readVolume(path, options).then(
    () => new Error("It was accepted."),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ name: "HidiffError" });
  expect(error.message).toContain(path);
  return `${(error as { code?: string }).code}: ${error.message}`;
}

const fixture = (name: string): Promise<Buffer> => readFile(join(fixtures, name));

/** A NIfTI file without its compression, changed. */
async function changed(name: string, change: (view: DataView) => void): Promise<Buffer> {
  const bytes = await fixture(name);
  const plain = Buffer.from(name.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  change(new DataView(plain.buffer, plain.byteOffset, plain.byteLength));
  return plain;
}

describe("reading volumes as nibabel and SimpleITK do", () => {
  it.each(Object.entries(expected))("%s", async (name, reference) => {
    const volume = await readVolume(join(fixtures, name));
    expect(volume).toMatchObject({ shape: reference.shape, channels: reference.channels });
    const { data, slope, intercept, geometry } = volume;
    if (name.includes(".nii")) expect({ slope, intercept }).toEqual({ slope: reference.slope, intercept: reference.intercept });
    expect(Array.from(data, (value) => value * slope + intercept)).toEqual(reference.values);
    const a = reference.affine;
    for (const [i, j, k] of [[0, 0, 0], [4, 0, 0], [0, 3, 0], [4, 3, 2]] as const) {
      const position = [0, 1, 2].map((row) => a[4 * row]! * i + a[4 * row + 1]! * j + a[4 * row + 2]! * k + a[4 * row + 3]!);
      // NIfTI keeps its geometry in float32
      expect([...positionOf(geometry, i, j, k)]).toBeAllClose(position, { absolute: name.includes(".nii") ? 1e-5 : 1e-7 });
    }
    expect(await readVolumeHeader(join(fixtures, name))).toEqual({ ...volume, data: undefined });
  });

  it("keeps the types of the voxels", async () => {
    const type = async (name: string): Promise<string> => (await readVolume(join(fixtures, name))).data.constructor.name;
    expect(await type("big-endian.nii")).toBe("Int16Array");
    expect(await type("qform.nii.gz")).toBe("Uint8Array");
    expect(await type("left-handed.nii.gz")).toBe("Float32Array");
    expect(await type("int64.nii.gz")).toBe("Float64Array");
    expect(await type("nifti2-big-endian.nii")).toBe("Uint32Array");
    expect(await type("oblique.mha")).toBe("Int16Array");
    expect(await type("dicom-ct")).toBe("Int16Array");
  });

  it("reads one channel", async () => {
    for (const name of ["four-dimensions.nii.gz", "vector.nrrd", "vector.mha", "rgb.nii"]) {
      const { channels, values } = expected[name]!;
      for (let channel = 0; channel < channels; channel++) {
        const volume = await readVolume(join(fixtures, name), { channel });
        expect(volume.channels).toBe(1);
        expect([...volume.data]).toEqual(values.slice(channel * 60, (channel + 1) * 60));
      }
      await expect(readVolume(join(fixtures, name), { channel: channels })).rejects.toMatchObject({ code: "datasets.option" });
    }
  });

  it("takes a slope of 0 or NaN for none", async () => {
    for (const slope of [0, Number.NaN]) {
      const path = join(folder, "slope.nii");
      await writeFile(path, await changed("big-endian.nii", (view) => view.setFloat32(112, slope, false)));
      expect(await readVolume(path)).toMatchObject({ slope: 1, intercept: 0 });
    }
  });

  it("goes by the content whether a NIfTI file is compressed, and follows links and names in any script", async () => {
    const target = join(folder, "größe 脳.nii");
    await copyFile(join(fixtures, "qform.nii.gz"), target);
    await symlink(target, join(folder, "link.nii.gz"));
    expect((await readVolume(join(folder, "link.nii.gz"))).data).toEqual((await readVolume(join(fixtures, "qform.nii.gz"))).data);
    await symlink(join(fixtures, "oblique.nrrd"), join(folder, "link é.nrrd"));
    expect((await readVolume(join(folder, "link é.nrrd"))).shape).toEqual([3, 4, 5]);
  });
});

describe("bad volume files", () => {
  it("are named when they cannot be read or are of another kind", async () => {
    const missing = join(folder, "missing.nii");
    await expect(readVolume(missing)).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining(missing) });
    expect(await errorOf("picture.png", Buffer.from("x"))).toMatch(/datasets.volume.*\.nii\.gz/);
    expect(await errorOf("text.nii", Buffer.from("x".repeat(400)))).toMatch(/datasets.volume.*no NIfTI file/);
    expect(await errorOf("empty.nii.gz", Buffer.alloc(0))).toMatch(/no NIfTI file/);
    expect(await errorOf("text.nrrd", Buffer.from("x\n\n"))).toMatch(/no NRRD file/);
    expect(await errorOf("text.mha", Buffer.from("x\n\n"))).toMatch(/no MetaImage/);
    expect(await errorOf("pair.nii", await changed("straight.nii", (view) => view.setUint8(345, 0x69)))).toMatch(/Pairs of \.hdr and \.img/);
  });

  it("are found when they are truncated", async () => {
    for (const name of ["straight.nii", "qform.nii.gz", "oblique.nrrd", "left-handed.nrrd", "oblique.mha", "left-handed.mha"]) {
      const bytes = await fixture(name);
      for (const cut of [1, 9, 30]) expect(await errorOf(name, bytes.subarray(0, bytes.length - cut))).toMatch(/datasets.volume.*truncated/);
    }
    await copyFile(join(fixtures, "separate.mhd"), join(folder, "separate.mhd"));
    await copyFile(join(fixtures, "separate.raw"), join(folder, "separate.raw"));
    await truncate(join(folder, "separate.raw"), 100);
    await expect(readVolume(join(folder, "separate.mhd"))).rejects.toThrow(/separate\.raw" of ".*separate\.mhd".*truncated/);
  });

  it("are found when compressed data are damaged, which their checksum tells", async () => {
    for (const name of ["qform.nii.gz", "oblique.nrrd", "oblique.mha"]) {
      const bytes = Buffer.from(await fixture(name));
      bytes[bytes.length - 6]! ^= 0x10;
      expect(await errorOf(name, bytes)).toMatch(/datasets.volume.*(damaged|truncated|more data)/);
    }
  });

  it("may have a little padding of zeros behind the voxels, and nothing else", async () => {
    const plain = await changed("straight.nii", () => undefined);
    for (const name of ["padded.nii", "padded.nii.gz"]) {
      const pack = (bytes: Buffer): Buffer => (name.endsWith(".gz") ? gzipSync(bytes) : bytes);
      const path = join(folder, name);
      await writeFile(path, pack(Buffer.concat([plain, Buffer.alloc(4096)])));
      expect([...(await readVolume(path)).data]).toEqual(expected["straight.nii"]!.values);
      expect(await errorOf(name, pack(Buffer.concat([plain, Buffer.alloc(4097)])))).toMatch(/more data/);
      expect(await errorOf(name, pack(Buffer.concat([plain, Buffer.from([0, 1])])))).toMatch(/more data/);
    }
  });

  it("are refused before memory is taken for what they only claim to hold", async () => {
    const claims = (view: DataView): void => {
      for (const at of [42, 44, 46]) view.setInt16(at, 30000, true);
    };
    const before = process.memoryUsage().arrayBuffers;
    expect(await errorOf("claims.nii", await changed("straight.nii", claims))).toMatch(/claims 54000000000000 bytes.*only 472 bytes/);
    expect(await errorOf("claims.nii.gz", gzipSync(await changed("straight.nii", claims)))).toMatch(/claims 54000000000000 bytes.*cannot unpack/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e7);
    expect(await errorOf("limit.nii", await fixture("straight.nii"), { limitBytes: 119 })).toMatch(/take 120 bytes.*limitBytes: 120/);
    expect(await errorOf("offset.nii", await changed("straight.nii", (view) => view.setFloat32(108, 1e6, true)))).toMatch(/from byte 1000000 on.*only 472/);
  });

  it("do not unpack to more than they promise: an archive bomb is left where it becomes one", async () => {
    const bomb = gzipSync(Buffer.concat([await fixture("straight.nii"), Buffer.alloc(200e6)]), { level: 9 });
    const before = performance.now();
    expect(await errorOf("bomb.nii.gz", bomb)).toMatch(/more data/);
    expect(performance.now() - before).toBeLessThan(500);
  });

  it("have implausible headers", async () => {
    const cases: readonly [RegExp, (view: DataView) => void][] = [
      [/dim = \[3, -5/, (view) => view.setInt16(42, -5, true)],
      [/dim = \[9,/, (view) => view.setInt16(40, 9, true)],
      [/at most one dimension beyond/, (view) => [40, 48, 50].forEach((at, index) => view.setInt16(at, [5, 2, 2][index]!, true))],
      [/complex64/, (view) => view.setInt16(70, 32, true)],
      [/code 3\b/, (view) => view.setInt16(70, 3, true)],
      [/slope Infinity/, (view) => view.setFloat32(112, Infinity, true)],
      [/begin at byte 17/, (view) => view.setFloat32(108, 17, true)],
      [/axes of its grid are not independent/, (view) => [280, 296, 312].forEach((at) => view.setFloat32(at + 4, view.getFloat32(at, true), true))],
      [/NaN or infinite \(sform\)/, (view) => view.setFloat32(280, Number.NaN, true)],
    ];
    for (const [message, change] of cases) expect(await errorOf("header.nii", await changed("straight.nii", change))).toMatch(message);
    const long = await changed("qform.nii.gz", (view) => view.setFloat32(256, 3, true));
    expect(await errorOf("quaternion.nii", long)).toMatch(/quaternion \(3,.*longer than 1/);
  });

  it("have NaN or infinite voxels, unless those are wanted", async () => {
    const bytes = await changed("left-handed.nii.gz", (view) => {
      view.setFloat32(352 + 4 * 27, Number.NaN, true); // i 2, j 1, k 1
      view.setFloat32(352 + 4 * 30, -Infinity, true);
    });
    expect(await errorOf("nan.nii", bytes)).toMatch(/datasets.voxels.* 2 of 60 .*\(NaN\) at column 2, row 1, slice 1/);
    expect((await readVolume(join(folder, "nan.nii"), { allowNonFinite: true })).data[27]).toBeNaN();
  });

  it("have 64-bit integers that numbers cannot hold", async () => {
    const bytes = await changed("uint64-big-endian.nii", (view) => view.setBigUint64(352 + 8 * 5, 2n ** 53n + 1n, false));
    expect(await errorOf("large.nii", bytes)).toMatch(/datasets.voxels: .*voxel 5/);
  });

  it("name data outside of their folder", async () => {
    await writeFile(join(folder, "secret.raw"), Buffer.alloc(240));
    const inner = await mkdtemp(join(folder, "inner-"));
    await symlink(join(folder, "secret.raw"), join(inner, "link.raw"));
    for (const [name, line] of [["separate.mhd", "ElementDataFile = "], ["detached.nhdr", "data file: "]] as const) {
      const text = (await fixture(name)).toString("latin1");
      for (const data of ["../secret.raw", join(folder, "secret.raw"), "link.raw"]) {
        const path = join(inner, name);
        await writeFile(path, text.replace(new RegExp(`${line}.*`), `${line}${data}`));
        await expect(readVolume(path)).rejects.toMatchObject({ code: "datasets.path", message: expect.stringContaining(path) });
      }
    }
  });

  it("are written in ways that are not read, and say what to do", async () => {
    const text = async (name: string, from: RegExp, to: string): Promise<Buffer> =>
      Buffer.from((await fixture(name)).toString("latin1").replace(from, to), "latin1");
    expect(await errorOf("ascii.nrrd", await text("left-handed.nrrd", /encoding: raw/, "encoding: ascii"))).toMatch(/raw or gzip/);
    expect(await errorOf("block.nrrd", await text("left-handed.nrrd", /type: float/, "type: block"))).toMatch(/type "block"/);
    expect(await errorOf("space.nrrd", await text("left-handed.nrrd", /space: .*/, "space: moon"))).toMatch(/space "moon"/);
    expect(await errorOf("ascii.mha", await text("left-handed.mha", /BinaryData = True/, "BinaryData = False"))).toMatch(/binary data/);
    expect(await errorOf("long.mha", await text("left-handed.mha", /MET_DOUBLE/, "MET_LONG"))).toMatch(/"MET_LONG" is not supported/);
    expect(await errorOf("list.mhd", await text("separate.mhd", /ElementDataFile = .*/, "ElementDataFile = LIST"))).toMatch(/several files/);
  });

  it.skipIf(process.platform === "win32" || process.getuid?.() !== 0)("are a device or a pipe, which is not waited for", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.nii")]);
    await expect(readVolume(join(folder, "pipe.nii"))).rejects.toThrow(/not a regular file/);
  });

  it("print nothing", async () => {
    const spy = vi.spyOn(console, "error");
    await errorOf("quiet.mha", (await fixture("oblique.mha")).subarray(0, 500));
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  });
});
