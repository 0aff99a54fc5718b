import { zipSync } from "fflate";
import { HidiffError } from "../errors.ts";
import { EntryInflater } from "./entry-inflater.ts";
import type { Fail } from "./fail.ts";
import { decodeNpy, encodeNpy, type NpyArray } from "./npy.ts";
import { crc32, type ZipEntry, zipEntries } from "./zip-entries.ts";

export interface NpzOptions {
  /** What the arrays may need together once they are unpacked, in bytes. Default 2³¹ (2 GiB). */
  readonly limitBytes?: number;
}

/**
 * Reads a `.npz` archive of NumPy (`numpy.savez` or `numpy.savez_compressed`): the arrays by their names, in the archive's
 * order. Checksums are verified. An archive that would unpack to more than the limit is refused before it is unpacked, and
 * one whose directory tells less than what comes out is stopped where it exceeds what it told.
 *
 * @param name how errors call the file
 * @throws HidiffError `npz.format` for a truncated, damaged or foreign file and for names that are double or paths,
 * `npz.limit` for too much data; for the arrays in it as {@link decodeNpy}
 */
export function decodeNpz(bytes: Uint8Array, name: string, options: NpzOptions = {}): Map<string, NpyArray> {
  const limit = options.limitBytes ?? 2 ** 31;
  const fail = (what: string): never => {
    throw new HidiffError("npz.format", `${name}: ${what}. Expected a complete .npz archive; copy it again or write it with numpy.savez_compressed.`);
  };
  const entries = new Map<string, ZipEntry>();
  for (const entry of zipEntries(bytes, fail)) {
    const key = arrayName(entry.path) ?? fail(`it contains ${JSON.stringify(entry.path)}, but arrays are named like "image.npy", without folders`);
    if (entries.has(key)) fail(`it contains "${entry.path}" twice`);
    entries.set(key, entry);
  }
  const total = [...entries.values()].reduce((sum, { size }) => sum + size, 0);
  if (total > limit) {
    throw new HidiffError("npz.limit", `${name}: its arrays need ${total} bytes, more than the limit of ${limit}. Split the archive or raise limitBytes.`);
  }
  const arrays = new Map<string, NpyArray>();
  for (const [key, entry] of entries) {
    const content = unpack(entry, bytes.subarray(entry.offset, entry.offset + entry.storedSize), fail);
    if (crc32(content) !== entry.crc) fail(`the checksum of "${entry.path}" is wrong: the file is damaged`);
    arrays.set(key, decodeNpy(content, `${name} (${entry.path})`));
  }
  return arrays;
}

/**
 * Writes the bytes of a `.npz` archive, compressed; the same arrays give the same bytes.
 *
 * @throws HidiffError `npz.format` for a name that is empty or a path, `npy.shape` as {@link encodeNpy}
 */
export function encodeNpz(arrays: ReadonlyMap<string, NpyArray>): Uint8Array {
  const files: Record<string, Uint8Array> = {};
  for (const [name, array] of arrays) {
    if (arrayName(`${name}.npy`) === undefined) {
      throw new HidiffError("npz.format", `encodeNpz: ${JSON.stringify(name)} is no name for an array; use one without slashes and colons.`);
    }
    files[`${name}.npy`] = encodeNpy(array);
  }
  return zipSync(files, { level: 6, mtime: new Date(1980, 0, 1) });
}

/** The array's name in an entry such as "image.npy". */
function arrayName(path: string): string | undefined {
  return /^[^/\\\0:]+\.npy$/.test(path) ? path.slice(0, -".npy".length) : undefined;
}

function unpack(entry: ZipEntry, stored: Uint8Array, fail: Fail): Uint8Array {
  if (entry.method === 0) {
    return stored.length === entry.size ? stored : fail(`"${entry.path}" has ${stored.length} bytes, its directory tells ${entry.size}`);
  }
  const inflater = new EntryInflater(entry, fail);
  const step = 16384; // what unpacks at once is at most 16 MiB
  for (let begin = 0; begin < stored.length; begin += step) inflater.push(stored.subarray(begin, begin + step));
  return inflater.finish();
}
