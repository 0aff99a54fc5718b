import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { encodePyTorchZip, joinBytes } from "../../../../test/pytorch-files.ts";
import { readZipDirectory, type ZipEntry, zipEntries } from "./zip-entries.ts";

const files = new Map([["a/data.pkl", Uint8Array.of(1, 2, 3)], ["a/data/0", new Uint8Array(100).fill(7)], ["a/größe", new Uint8Array(0)]]);

function fail(what: string): never {
  throw new Error(what);
}

/** Moves every file of an archive with zip64's end record by `shift` bytes, as if that many came before. */
function moved(archive: Uint8Array, shift: number): (offset: number, length: number) => Uint8Array {
  const end = archive.length - 22;
  const directory = new DataView(archive.buffer, archive.byteOffset).getUint32(end + 16, true);
  const view = new DataView(archive.buffer, archive.byteOffset);
  const parts: Uint8Array[] = [];
  for (let at = directory; view.getUint32(at, true) === 0x02014b50; ) {
    const name = view.getUint16(at + 28, true);
    const extra = new DataView(new ArrayBuffer(12 + 6));
    extra.setUint16(0, 0x4246, true); // a field of another kind comes first
    extra.setUint16(2, 2, true);
    const wide = new DataView(new ArrayBuffer(12));
    wide.setUint16(0, 1, true);
    wide.setUint16(2, 8, true);
    wide.setBigUint64(4, BigInt(view.getUint32(at + 42, true) + shift), true);
    const entry = archive.slice(at, at + 46 + name);
    const entryView = new DataView(entry.buffer);
    entryView.setUint32(42, 0xffffffff, true);
    entryView.setUint16(30, 6 + 12, true);
    parts.push(entry, new Uint8Array(extra.buffer, 0, 6), new Uint8Array(wide.buffer));
    at += 46 + name;
  }
  const entries = joinBytes(...parts);
  const tail = archive.slice(end - 20 - 56);
  const tailView = new DataView(tail.buffer);
  tailView.setBigUint64(40, BigInt(entries.length), true);
  tailView.setBigUint64(48, BigInt(directory + shift), true);
  tailView.setBigUint64(56 + 8, BigInt(directory + shift + entries.length), true);
  for (const field of [12, 16]) tailView.setUint32(56 + 20 + field, 0xffffffff, true);
  const whole = joinBytes(archive.subarray(0, directory), entries, tail);
  return (offset, length) => {
    // Before the shift there are only zeros, which are as many as asked for.
    if (offset + length <= shift) return new Uint8Array(length);
    const begin = offset - shift;
    return begin >= 0 ? whole.subarray(begin, begin + length) : joinBytes(new Uint8Array(-begin), whole.subarray(0, begin + length));
  };
}

function readAll(size: number, read: (offset: number, length: number) => Uint8Array): ZipEntry[] {
  const reader = readZipDirectory(size, fail);
  let step = reader.next();
  while (step.done !== true) step = reader.next(read(step.value.offset, step.value.length));
  return step.value;
}

describe("readZipDirectory", () => {
  it("reads an archive with zip64's end record, whose files are aligned", () => {
    const archive = encodePyTorchZip(files);
    const entries = zipEntries(archive, fail);
    expect(entries.map(({ path, method, size, storedSize }) => [path, method, size, storedSize])).toEqual([...files].map(([path, { length }]) => [path, 0, length, length]));
    for (const { path, offset, size } of entries) {
      expect(offset % 64).toBe(0);
      expect(archive.subarray(offset, offset + size)).toEqual(files.get(path));
    }
  });

  it("reads files beyond 4 GiB", () => {
    const archive = encodePyTorchZip(files);
    const shift = 5 * 2 ** 30;
    const read = moved(archive, shift);
    const size = shift + archive.length + 3 * 18;
    const entries = readAll(size, read);
    expect(entries.map(({ path }) => path)).toEqual([...files.keys()]);
    for (const { path, offset, size } of entries) {
      expect(offset).toBeGreaterThan(shift);
      expect(read(offset, size)).toEqual(files.get(path));
    }
  });

  it("refuses zip64 fields that are missing, and end records out of place", () => {
    const archive = encodePyTorchZip(files);
    const directory = archive.length - 22 - 20 - 56 - [...files.keys()].reduce((sum, path) => sum + 46 + new TextEncoder().encode(path).length, 0);
    const change = (at: number, value: number): Uint8Array => {
      const changed = archive.slice();
      new DataView(changed.buffer).setUint32(at, value, true);
      return changed;
    };
    for (const field of [20, 24, 42]) expect(() => zipEntries(change(directory + field, 0xffffffff), fail)).toThrow('the sizes of "a/data.pkl" are damaged');
    expect(() => zipEntries(change(directory + 42, 0xfffffffe), fail)).toThrow("does not lie where the directory says");
    const locator = archive.length - 22 - 20;
    for (const offset of [0, 5, archive.length, 0xffffffff]) expect(() => zipEntries(change(locator + 8, offset), fail)).toThrow("zip64 end record does not lie where it should");
    expect(() => zipEntries(change(locator + 12, 0xffffffff), fail)).toThrow("zip64 end record does not lie where it should");
    expect(() => zipEntries(change(locator - 56 + 32, 2), fail)).toThrow("one part of several");
  });

  it("refuses files that overlap, of which a small archive would unpack to any size", () => {
    const archive = zipSync({ "a.npy": new Uint8Array(50), "b.npy": new Uint8Array(50) }, { level: 0 });
    const end = new DataView(archive.buffer).getUint32(archive.length - 6, true);
    const second = end + 46 + "a.npy".length;
    new DataView(archive.buffer).setUint32(second + 42, 0, true);
    expect(() => zipEntries(archive, fail)).toThrow('"a.npy" and "b.npy" overlap');
  });
});
