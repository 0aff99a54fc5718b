import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { NpyArray } from "@hidiff/core-tensor/files";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readHdf5, readHdf5Shapes, writeHdf5 } from "./hdf5.ts";

/**
 * A file by h5py 3 (gzip of it, in base64), each written by create_dataset(name, data=…, track_times=False):
 * image (arange(120) / 8 as float32, [4, 6, 5]; gzip, shuffle, chunks (1, 6, 5)), label (arange(120) % 9 as uint8,
 * [4, 6, 5]; gzip, fletcher32, chunks (3, 4, 5)), big ([[1, -2], [3, 258]], ">i2"), half ([0.5, -2, inf], float16), long
 * ([2**53 - 1, -5]), toolong ([2**53], uint64), flags ([True, False]), scalar (3.5), text ("hello"), empty (zeros((0, 3))),
 * größe/ä (arange(3, dtype=int32)), records ([(1, 2.0)] of i4 and f4); outside is an ExternalLink to another file, virtual a
 * virtual data set of another file, external an external data set of /etc/hostname, and huge an unwritten one of uint8,
 * [65536, 65536].
 */
const example = gunzipSync(Buffer.from([
  "H4sIAAAAAAACA+1cfWwURRR/u7fXLm3hruWrBUwP2tICaivUpDUWSnvXnqRKoSXWxOBt77a94pUr1ysUabBgUSCGgBo9DAJ/QMC/BGJI8Q/FFNQaUqNGbOMHAhKMUYOKBKIFZ3dn9va291WsUGB+ye",
  "XtzL75uLdv3uybebNb7NaKsUlTkkACzwMHZtDiBsa6RaFpct+BKYPpZkwPsiSfk++l43wzrt+4EKdxwdqlNhsAq9avb6eAUyiP01vycD5Q3Auw2xZWS/QQTrsxHcglesaE6Fkq1rPfH8HpEoWW1dqt",
  "YESKBsko5cq7VhaqlwDb5nccCLbLQIKi2wxJFynUoGRgtURcCoyYRso3oB5KJVMtmZjHApN5mPy8ysfL91kDKzeQjNqTLhg8nlj5PgOt7raGBo+otsPgfJfY4BH8wXwe1S+3y3LtxuBQTcBd4oL/1B",
  "LXc6h5YrFVkgmRc3GMYtWYni2OzleE6Z7s6Hx1mH7Chtod/XMm3VoyPXp9xJ5YDLdWnyV7J9lGvb2bG2f57lSF5uvsbyT8rONnY/BnpCn0flVvY4zPtNC0Ica4oKCgoKCgoKCgoKCIH+3LnY69XOE0",
  "R3WL3R045OjZkGyaX9DC2/Pc6XVF7Zw121XQPzAwkMUkTkBeW2fqx1IJS+aE2sJ3/ZerAnOdfRtz5pz29B9xfrYhK7fv6W7f+b4XcvO/L/rBCFz2tCUKe8fVP86bDOOTpyZONu3p3L450PXay7s2vr",
  "L1zRdf37Z7ww6DuegcB8cujx1U2AOBp+oG+ouLjnWvbb921cht6rJZT57Iyd6/T3Rd+LH4nBEmDKbeN/I+tVmuyqxWycflS0fymQ14LQD5136nW/TNmzvEl+4aH3RzONwVjQuWNyK+YGac5U9gxixd",
  "fiRf6zzmnxKnb5eAnekMHX+k+i2W8L4gp3tuDB3GFBQUFBQUFBQUFDflC7rqGwTRedFRWlDAdaakMBYDTF0Pvx1c5z+FbuObiKvTcBCqE6YnTITe4wyY+6DjK893HaE1pG/mYFwTLDqyfP1HIYUtyA",
  "PgN0Guf9Lsnxj0Gh/qxClOD6P4WuoGUySqOm1jSJ451GljlYp4vNVoYB6bDhrnLojO0fEUmBvXUSfZoXJR+s8wTIgzFKRkQ9ikyiHJCEkm1VmKJA9hRqg7TLB5dGlnERyHjlhSiagdPHnepTGksQZ7",
  "v2Zd89tH5ZAlDv7f2NWPJR9G5zJrlzzik88b2eFHz/ZRbNgsMHy9yVPCQFhQ9YcsCVUsrKqxycsty2xEmJHl9U5OaM2qsb29RiaMRHidZhB7skDVjMJkKLxhiGVPPpwZXkMCd8AUmFIar1wykOaYIc",
  "piIQs6uXw+K7xluRPkAtDULDSKiHqEetGDaH1To5zvFjwNEvV4V8oZfq9XvmzwCI2tKN3qFDyCD+WL7X7pvtjc4l+LaKOv52jPHhF8otPrc7Wq8rX/x36SwCIiZX9adH6yxNo4IzqfA9NfF0TnK8X0",
  "cE50PvI/e2dG5yOBiS9l3drnLS2unp0VnC0qyxdXMRr1ZTR8sh6IHo9XY+ceB91Uk+9vbsn3+t2i70H3wyDILy7alVtWkyaDSjtdmXe1XNTaTxN9YaegoKCgoKCgoKCgoKCgGGnE2qch0AeBDd2fiH",
  "Fgbch6ov4Ip7oCcFvloRw0ZSIeNN05X6E8VZ17EuSgKTloSNYjHyoJ5evZR8YTLjfi4zTWvmFwh4yMy+jj8SxeAU3RtTw6d4CU9WAmeOC7hOrmzesWWaYd7i5ju3w9iVXsoRBne1qdrMd5sQ5+hptf",
  "IuvyYGl4K503bLkglLLqceaJ+Dj4pZBtvyTcjyD672p9qVhqr4ZEWWk0m15kpjyN0wewrIZswuosZyxwmpIM1gAG1qkGtXPF+1BRY7cCnNbpJzOkpmqksRb1joDrIIHuhK4OrPKW1VZVgDFxnDkZ5s",
  "mdzXr7mUzwy5flf56ZA1NRHSb4YmvfA3AF5abB4F6TCMtAyr20qmMFfI0uM+Eti20VlMsM69N3r4H9ki5DSXltpxyPb4am690BcMmXNdc/2Aldcg1lT356GCaiy3HQM8fdC0fl3CuPMqfgVbmy1ZlX",
  "zsBJ+fK9C8/9Ajzqznj4puTLv6g9GxmbmDDMyILhfbiBx/rPGchunFJTmmZf+p9vxzw7WuKXYsmD09nxmIdusM1OxBEZyo+BjMrwljv4wQq9/6CfORy39D0wXWdriitD+fJFvzPf7W31rxSaxbBy1P",
  "tb0Wn8h5ksikw18Q7hPwCC5ckaiEClubM02HDd/zuX1NTY1KmCQRZ8ttTspoYdfIXdWqZOuBJ6OaeDAUN9UyP5qgh6YZHjDsjXQ1Bajk8gXwlhIBHHIwS/B8JJkQ3ksx+ogBwAQT7vgdJyIASJLkDs",
  "UtQDCSJA9eG4BhIugB6nEglB4gJQCSkkgmz/oxI4coJs9DN8aaK3zd/a5BLT9OqRL0gFVjf5/G2C55pVfXKoQtG3UvCMqQj+i7ZGcUnl3WyB/wXiYvWIe0oAAA==",
].join(""), "base64"));

let folder = "";
let path = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-hdf5-"));
  await mkdir(join(folder, "Ordner ä"));
  path = join(folder, "Ordner ä", "case0005 größe.npy.h5");
  await writeFile(path, example);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The files of this test that the process holds open, where the system tells. */
async function openFiles(): Promise<string[]> {
  const { readlink } = await import("node:fs/promises");
  const descriptors = await readdir("/proc/self/fd").catch(() => []);
  const links = await Promise.all(descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return links.filter((link) => link.startsWith(folder));
}

describe("readHdf5", () => {
  it("reads arrays of numbers, plain and packed, of every type", async () => {
    const names = ["image", "label", "big", "half", "long", "flags", "scalar", "empty", "größe/ä"];
    const arrays = await readHdf5(path, names);
    expect([...arrays.keys()]).toEqual(names);
    expect(arrays.get("image")).toEqual({ shape: [4, 6, 5], data: Float32Array.from({ length: 120 }, (_, i) => i / 8) });
    expect(arrays.get("label")).toEqual({ shape: [4, 6, 5], data: Uint8Array.from({ length: 120 }, (_, i) => i % 9) });
    expect(arrays.get("big")).toEqual({ shape: [2, 2], data: Int16Array.of(1, -2, 3, 258) });
    expect(arrays.get("half")).toEqual({ shape: [3], data: Float32Array.of(0.5, -2, Infinity) });
    expect(arrays.get("long")).toEqual({ shape: [2], data: Float64Array.of(2 ** 53 - 1, -5) });
    expect(arrays.get("flags")).toEqual({ shape: [2], data: Uint8Array.of(1, 0) });
    expect(arrays.get("scalar")).toEqual({ shape: [], data: Float64Array.of(3.5) });
    expect(arrays.get("empty")).toEqual({ shape: [0, 3], data: new Float32Array(0) });
    expect(arrays.get("größe/ä")).toEqual({ shape: [3], data: Int32Array.of(0, 1, 2) });
  });

  it("reads several files at once", async () => {
    const other = join(folder, "other.h5");
    await writeHdf5(other, new Map([["image", { shape: [1], data: Float32Array.of(7) }]]));
    const results = await Promise.all(Array.from({ length: 8 }, (_, i) => readHdf5(i % 2 === 0 ? path : other, ["image"])));
    expect(results.map((arrays) => arrays.get("image")!.data.at(-1))).toEqual([14.875, 7, 14.875, 7, 14.875, 7, 14.875, 7]);
  });

  it("lists what the file has where a name is wrong", async () => {
    await expect(readHdf5(path, ["lable"])).rejects.toMatchObject({
      code: "datasets.hdf5",
      message: expect.stringMatching(/größe\.npy\.h5" has no data set "lable"; it has big, empty, .*image, label, .*Did you mean "label"\?/),
    });
    for (const name of ["", "größe", "/", "image/x"]) await expect(readHdf5(path, [name])).rejects.toMatchObject({ code: "datasets.hdf5", message: expect.stringContaining("has no data set") });
  });

  it.each([
    ["text", "no array of numbers"],
    ["records", "no array of numbers"],
    ["outside", "has no data set"],
    ["virtual", "from other files"],
    ["external", "unable to open external raw data file"],
    ["huge", "limit of 2147483648 bytes"],
  ])("refuses %s and follows no link to other files", async (name, message) => {
    await expect(readHdf5(path, [name])).rejects.toMatchObject({ code: "datasets.hdf5", message: expect.stringContaining(message) });
  });

  it("refuses integers that are not exact, and more data than the limit or than the file can hold", async () => {
    await expect(readHdf5(path, ["toolong"])).rejects.toMatchObject({ code: "npy.dtype", message: expect.stringContaining("größe.npy.h5 (toolong): element 0 is 9007199254740992") });
    await expect(readHdf5(path, ["image", "label"], { limitBytes: 599 })).rejects.toThrow('"label" has the shape [4,6,5]');
    expect((await readHdf5(path, ["image", "label"], { limitBytes: 600 })).size).toBe(2);
    await expect(readHdf5(path, ["huge"], { limitBytes: 2 ** 40 })).rejects.toThrow("do not hold");
  });

  it("names missing, truncated and foreign files, prints nothing and leaves no file open", async () => {
    const print = vi.spyOn(process.stderr, "write");
    const log = vi.spyOn(console, "error");
    const broken = join(folder, "kaputt ü.h5");
    for (const content of [example.subarray(0, 8000), Buffer.from("no HDF5"), Buffer.alloc(0)]) {
      await writeFile(broken, content);
      await expect(readHdf5(broken, ["image"])).rejects.toMatchObject({ code: "datasets.hdf5", message: expect.stringMatching(/kaputt ü\.h5" is not a complete HDF5 file/) });
      await expect(readHdf5Shapes(broken)).rejects.toMatchObject({ code: "datasets.hdf5" });
    }
    await expect(readHdf5(join(folder, "absent.h5"), ["image"])).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining("absent.h5") });
    await expect(readHdf5(folder, ["image"])).rejects.toMatchObject({ code: "file.read", message: expect.stringContaining("it is a folder") });
    expect(print).not.toHaveBeenCalled();
    expect(log).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(await openFiles()).toEqual([]);
  });

  it("reads after its own copy was removed: the content is the caller's own", async () => {
    const copy = join(folder, "copy.h5");
    await copyFile(path, copy);
    const { data } = (await readHdf5(copy, ["label"])).get("label")!;
    await rm(copy);
    expect(data[10]).toBe(1);
  });
});

it("readHdf5Shapes tells the shape of every array", async () => {
  const shapes = await readHdf5Shapes(path);
  expect(Object.fromEntries(shapes)).toMatchObject({ image: [4, 6, 5], label: [4, 6, 5], scalar: [], empty: [0, 3], huge: [65536, 65536], "größe/ä": [3] });
  expect(shapes.has("größe")).toBe(false);
  expect(shapes.has("outside")).toBe(false);
});

describe("writeHdf5", () => {
  const arrays = new Map<string, NpyArray>([
    ["image", { shape: [3, 600, 500], data: Float32Array.from({ length: 900_000 }, (_, i) => (i % 1000) / 3) }],
    ["label", { shape: [5, 2], data: Uint8Array.from({ length: 10 }, (_, i) => i) }],
    ["gruppe/ü/x", { shape: [], data: Int16Array.of(-3) }],
    ["gruppe/ü/y", { shape: [0, 4], data: new Float64Array(0) }],
    ["wide", { shape: [400_000], data: Uint32Array.from({ length: 400_000 }, (_, i) => i * 10_000) }],
  ]);

  it("writes what readHdf5 reads, packed", async () => {
    const target = join(folder, "geschrieben ö.h5");
    await writeHdf5(target, arrays);
    const read = await readHdf5(target, [...arrays.keys()]);
    for (const [name, { shape, data }] of arrays) {
      const array = read.get(name)!;
      expect(array.shape).toEqual(shape);
      expect(array.data.constructor).toBe(data.constructor);
      expect(Buffer.compare(Buffer.from(array.data.buffer), Buffer.from(data.buffer)), name).toBe(0);
    }
    expect((await readFile(target)).length).toBeLessThan(4_000_000);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("leaves the old file where writing fails", async () => {
    const target = join(folder, "old.h5");
    await writeFile(target, "old");
    for (const [name, array] of [["a", { shape: [2], data: Uint8Array.of(1) }], ["", { shape: [1], data: Uint8Array.of(1) }], ["a//b", { shape: [1], data: Uint8Array.of(1) }]] as const) {
      await expect(writeHdf5(target, new Map([[name, array]]))).rejects.toMatchObject({ code: "datasets.hdf5", message: expect.stringContaining("old.h5") });
    }
    const clash = new Map<string, NpyArray>([["a", { shape: [1], data: Uint8Array.of(1) }], ["a/b", { shape: [1], data: Uint8Array.of(1) }]]);
    await expect(writeHdf5(target, clash)).rejects.toMatchObject({ code: "datasets.hdf5", message: expect.stringContaining("old.h5") });
    expect(await readFile(target, "utf8")).toBe("old");
    await expect(writeHdf5(join(folder, "absent", "a.h5"), new Map())).rejects.toMatchObject({ code: "file.write" });
    const empty = join(folder, "empty.h5");
    await writeHdf5(empty, new Map());
    expect((await readHdf5Shapes(empty)).size).toBe(0);
  });
});
