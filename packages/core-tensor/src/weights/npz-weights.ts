import { elementCount } from "../arrays/element-count.ts";
import type { Fail } from "../arrays/fail.ts";
import { decodeNpyHeader } from "../arrays/npy.ts";
import type { ZipEntry } from "../arrays/zip-entries.ts";
import { HidiffError } from "../errors.ts";
import type { FileContents } from "./array-file.ts";
import { type ByteSource, bytesSource } from "./byte-source.ts";
import { sizeOfType, typeFromNumpy } from "./element-types.ts";
import type { StoredArray } from "./stored-array.ts";
import { entryStart, inflateEntry, verifyEntry } from "./zip-source.ts";

/** More than the header of any array of numbers needs. */
const longestHeader = 4096;

/**
 * Finds the arrays of a `.npz` archive. Names may be paths, as in Google's checkpoints (`Transformer/encoder_norm/scale`): they
 * only name. Checksums are verified when an array is read.
 *
 * @throws HidiffError `npz.format` for a damaged archive and for files in it that are no arrays, `npy.format` for damaged arrays
 */
export async function readNpzArrays(source: ByteSource, entries: readonly ZipEntry[], name: string): Promise<FileContents> {
  const arrays = new Map<string, StoredArray>();
  for (const entry of entries) {
    const key = /^(.+)\.npy$/s.exec(entry.path)?.[1] ?? npzFailure(name)(`it contains ${JSON.stringify(entry.path)}, which is no array`);
    if (arrays.has(key)) npzFailure(name)(`it contains "${entry.path}" twice`);
    arrays.set(key, await findArray(source, entry, name));
  }
  return { format: "npz", arrays };
}

/** What throws the error of a damaged archive. */
function npzFailure(name: string): Fail {
  return (what) => {
    throw new HidiffError("npz.format", `${name}: ${what}. Expected a complete .npz archive; copy it again or write it with numpy.savez.`);
  };
}

async function findArray(source: ByteSource, entry: ZipEntry, name: string): Promise<StoredArray> {
  const fail = npzFailure(name);
  const { path, method, storedSize, size } = entry;
  if (method === 0 && storedSize !== size) fail(`"${path}" has ${storedSize} bytes, its directory tells ${size}`);
  const header = decodeNpyHeader(await entryStart(source, entry, longestHeader, fail), `${name} (${path})`);
  const { shape, start, bigEndian } = header;
  // An array of another type can be listed, but not read.
  const dtype = typeFromNumpy(header.type) ?? header.description;
  const elementSize = sizeOfType(dtype);
  if (elementSize !== undefined && size - start !== elementSize * elementCount(shape)) {
    fail(`"${path}" has ${size - start} bytes of data, its shape [${shape}] of ${dtype} needs ${elementSize * elementCount(shape)}`);
  }
  const layout = { shape, dtype, bigEndian, ...(header.fortran ? { strides: fortranStrides(shape) } : {}) };
  if (method !== 0) {
    return { ...layout, offset: start, source: async () => bytesSource(await inflateEntry(source, entry, fail), `${name} (${path})`) };
  }
  const verified = async (): Promise<ByteSource> => {
    await verifyEntry(source, entry, fail);
    return source;
  };
  return { ...layout, offset: entry.offset + start, source: verified };
}

/** The strides of an array whose first axis runs fastest. */
function fortranStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  for (const [axis] of shape.entries()) strides.push(axis === 0 ? 1 : strides[axis - 1]! * shape[axis - 1]!);
  return strides;
}
