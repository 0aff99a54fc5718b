import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { decodeElements, elementSize, type NpyArray } from "@hidiff/core-tensor/files";
import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { loadHdf5, type OpenHdf5, withHdf5 } from "./hdf5-library.ts";

export interface Hdf5Options {
  /** What the arrays may need together, in bytes. Default 2³¹ (2 GiB). */
  readonly limitBytes?: number;
}

interface DatasetHeader {
  readonly shape: readonly number[];
  /** Kind and size of an element, as NumPy names it; undefined for what is no number. */
  readonly type: string | undefined;
  readonly chunks: readonly number[] | null;
  /** Whether its elements lie in other files (a virtual data set). */
  readonly virtual: boolean;
}

/** No deflated chunk unpacks to more than 1032 times its length; beyond, an array's size is not to be believed. */
const largestRatio = 1032;
/** What an array may need without being in the file: unwritten data sets read as their fill value. */
const unwrittenBytes = 2 ** 20;
/** What is read at a time, so that the WebAssembly memory, which never shrinks, stays small. */
const slabBytes = 2 ** 24;

/**
 * Reads the named data sets of an HDF5 file (the paths of nested ones have slashes): numbers of every kind, as
 * `decodeElements` gives them, stored plain or in gzip chunks. Arrays come out in C order.
 *
 * @throws `file.read` where the file cannot be read, `datasets.hdf5` where it is truncated, damaged or foreign, has no such
 * data set (the error lists those that it has) or one that is no array of numbers, `npy.dtype` for integers beyond ±2⁵³
 */
export async function readHdf5(path: string, names: readonly string[], options: Hdf5Options = {}): Promise<Map<string, NpyArray>> {
  return withHdf5("readHdf5", path, (file) => {
    const arrays = new Map<string, NpyArray>();
    const limit = options.limitBytes ?? 2 ** 31;
    let left = limit;
    for (const name of names) {
      const header = readHeader(file, name) ?? missing(file, name);
      const { shape, type } = header;
      if (type === undefined) return file.fail(`holds no array of numbers as "${name}"`);
      if (header.virtual) file.fail(`takes "${name}" from other files (a virtual data set), which are not followed`);
      const bytes = elementSize(type)! * sizeOf(shape);
      if (bytes > left) file.fail(`needs more than the limit of ${limit} bytes for its arrays: "${name}" has the shape [${shape}]`);
      if (bytes > unwrittenBytes + largestRatio * file.size) file.fail(`has ${file.size} bytes, which do not hold "${name}" of the shape [${shape}]`);
      left -= bytes;
      arrays.set(name, { shape, data: decodeElements(type, readElements(file, name, header, bytes), `${path} (${name})`) });
    }
    return arrays;
  });
}

/**
 * The shapes of all arrays in an HDF5 file, by their paths, without reading them.
 *
 * @throws `file.read` and `datasets.hdf5` as {@link readHdf5}
 */
export async function readHdf5Shapes(path: string): Promise<Map<string, readonly number[]>> {
  return withHdf5("readHdf5Shapes", path, (file) => {
    const shapes = new Map<string, readonly number[]>();
    for (const name of datasetNames(file)) {
      const header = readHeader(file, name);
      if (header !== undefined) shapes.set(name, header.shape);
    }
    return shapes;
  });
}

/**
 * Writes arrays to an HDF5 file, in gzip chunks of whole slices where they are not too large. The file appears complete or
 * not at all. Names with slashes make groups.
 *
 * @throws `datasets.hdf5` for an array whose length is not that of its shape, a name that is empty, and more data than the
 * library's memory holds (2 GiB), `file.write` where the file cannot be written
 */
export async function writeHdf5(path: string, arrays: ReadonlyMap<string, NpyArray>): Promise<void> {
  const fail = (what: string, cause?: unknown): never => {
    throw new HidiffError("datasets.hdf5", `writeHdf5: "${path}" cannot be written: ${what}.`, { cause });
  };
  for (const [name, { shape, data }] of arrays) {
    if (!name.split("/").every((part) => part !== "" && part !== "." && !part.includes("\0"))) fail(`${JSON.stringify(name)} is no name for an array`);
    if (sizeOf(shape) !== data.length) fail(`"${name}" has ${data.length} elements, its shape [${shape}] needs ${sizeOf(shape)}`);
  }
  const { h5wasm, files, takeComplaint } = await loadHdf5();
  const file = new h5wasm.File("/write.h5", "w");
  let content: Uint8Array;
  try {
    takeComplaint();
    try {
      for (const [name, { shape, data }] of arrays) {
        const parts = name.split("/");
        for (let end = 1; end < parts.length; end++) {
          const group = parts.slice(0, end).join("/");
          if (file.get(group) === null) file.create_group(group);
        }
        const chunks = chunkShape(shape, data.BYTES_PER_ELEMENT);
        file.create_dataset({ name, data, shape: [...shape], ...(chunks === undefined ? {} : { chunks, compression: 4 }) });
        const complaint = takeComplaint();
        if (complaint !== undefined) fail(`"${name}": ${complaint}`);
      }
    } finally {
      file.close();
    }
    content = files.readFile("/write.h5");
    const complaint = takeComplaint();
    if (complaint !== undefined) fail(complaint);
  } catch (error) {
    if (error instanceof HidiffError) throw error;
    return fail(error instanceof Error ? error.message : String(error), error);
  } finally {
    files.unlink("/write.h5");
  }
  await writeFileAtomic(path, content);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Chunks of at most 1 MiB: whole slices along the leading axes, if they fit. Undefined for arrays that are not chunked. */
function chunkShape(shape: readonly number[], size: number): number[] | undefined {
  if (shape.length === 0 || sizeOf(shape) === 0) return undefined;
  const chunk = [...shape];
  for (let axis = 0; size * sizeOf(chunk) > 2 ** 20; ) {
    if (chunk[axis] === 1) axis++;
    else chunk[axis] = Math.ceil(chunk[axis]! / 2);
  }
  return chunk;
}

/** The paths of the data sets in a file. */
function datasetNames({ module, id }: OpenHdf5): string[] {
  return module.get_names(id, "/", true).filter((name) => module.get_type(id, name) === module.H5G_DATASET);
}

function missing(file: OpenHdf5, name: string): never {
  const names = datasetNames(file);
  const listed = names.length === 0 ? "nothing" : names.slice(0, 20).join(", ") + (names.length > 20 ? ` and ${names.length - 20} more` : "");
  throw new HidiffError("datasets.hdf5", `readHdf5: "${file.path}" has no data set "${name}"; it has ${listed}.${name === "" ? "" : didYouMean(name, names)}`);
}

/** @returns undefined where there is no data set of that name, or one without elements at all */
function readHeader({ module, id, fail }: OpenHdf5, name: string): DatasetHeader | undefined {
  if (name === "" || module.get_type(id, name) !== module.H5G_DATASET) return undefined;
  const { shape, type, size, signed, chunks, enum_type: enumeration, virtual_sources: sources } = module.get_dataset_metadata(id, name);
  if (shape === null) return undefined;
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0)) return fail(`has the impossible shape [${shape}] for "${name}"`);
  const { H5T_INTEGER: integer, H5T_FLOAT: float, H5T_ENUM: enumerated } = module.H5T_class_t;
  const members = Object.keys(enumeration?.members ?? {}).sort();
  const kind =
    type === float.value
      ? "f"
      : type === integer.value
        ? signed ? "i" : "u"
        : type === enumerated.value && enumeration?.type === integer.value
          ? members.join() === "FALSE,TRUE" ? "b" : signed ? "i" : "u"
          : undefined;
  const element = `${kind}${size}`;
  return { shape, type: elementSize(element) === undefined ? undefined : element, chunks, virtual: (sources?.length ?? 0) > 0 };
}

/** The elements of a data set in C order, little-endian. */
function readElements({ module, id, fail }: OpenHdf5, name: string, { shape, chunks }: DatasetHeader, bytes: number): ArrayBuffer {
  const elements = new Uint8Array(bytes);
  if (bytes === 0) return elements.buffer;
  const rows = shape[0] ?? 1;
  const rowBytes = bytes / rows;
  const chunkRows = chunks?.[0] ?? 1;
  // Whole chunks, so that none is unpacked twice.
  const step = Math.min(rows, Math.max(1, Math.floor(slabBytes / rowBytes / chunkRows)) * chunkRows);
  const pointer = module._malloc(step * rowBytes);
  if (pointer === 0) fail(`needs ${step * rowBytes} bytes at once for "${name}", more than the library has`);
  try {
    for (let begin = 0; begin < rows; begin += step) {
      const length = Math.min(step, rows - begin);
      const along = (first: number, rest: (axis: number) => number): bigint[] | null =>
        shape.length === 0 ? null : shape.map((_, axis) => BigInt(axis === 0 ? first : rest(axis)));
      const count = along(length, (axis) => shape[axis]!);
      const status = module.get_dataset_data(id, name, count, along(begin, () => 0), along(1, () => 1), BigInt(pointer));
      if (status < 0) fail(`has damaged or unreadable data in "${name}"`);
      elements.set(module.HEAPU8.subarray(pointer, pointer + length * rowBytes), begin * rowBytes);
    }
  } finally {
    module._free(pointer);
  }
  return elements.buffer;
}
