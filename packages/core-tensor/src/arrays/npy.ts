import { HidiffError } from "../errors.ts";
import { elementCount } from "./element-count.ts";
import { decodeElements, elementSize, elementType, type NpyData } from "./elements.ts";
import type { Fail } from "./fail.ts";
import { decodeLatin1 } from "./latin1.ts";

/** An array of numbers in C order: the last axis runs fastest. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: NpyData;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/**
 * Reads a `.npy` file of NumPy: versions 1 to 3 of the format, either byte order, C or Fortran order (the result is in C
 * order, and never shares memory with `bytes`). Element types as {@link decodeElements}. Pickled objects and records are
 * refused; nothing in the file is ever executed.
 *
 * @param name how errors call the file
 * @throws HidiffError `npy.format` for a truncated, over-long or foreign file, `npy.dtype` for elements that are no numbers
 */
export function decodeNpy(bytes: Uint8Array, name: string): NpyArray {
  const fail = failure(name);
  const { description, type, bigEndian, fortran, shape, start } = decodeNpyHeader(bytes, name);
  const size = elementSize(type);
  if (size === undefined) {
    throw new HidiffError(
      "npy.dtype",
      `${name}: elements of type ${JSON.stringify(description)} are not supported (objects and records are never loaded). ` +
        `Save a plain array of bool, int8 … uint64, float16, float32 or float64.`,
    );
  }
  const expected = size * elementCount(shape);
  if (bytes.length - start !== expected) fail(`it has ${bytes.length - start} bytes of data, its shape [${shape}] of ${type} needs ${expected}`);

  const copy = new Uint8Array(expected); // not slice(), which shares memory if the bytes are a Buffer
  copy.set(bytes.subarray(start));
  if (bigEndian && size > 1) reverseEach(copy, size);
  const data = decodeElements(type, copy.buffer, name);
  return { shape, data: fortran && shape.length > 1 ? toRowMajor(data, shape) : data };
}

/** What stands before the numbers of a `.npy` file. */
interface NpyHeader {
  /** The elements' type as the file tells it. */
  readonly description: string;
  /** The type without its byte order, such as `f4`. */
  readonly type: string;
  readonly bigEndian: boolean;
  /** Whether the first axis runs fastest. */
  readonly fortran: boolean;
  readonly shape: number[];
  /** Where the numbers begin. */
  readonly start: number;
}

/**
 * Reads the header of a `.npy` file. The numbers need not be among `bytes`.
 *
 * @throws HidiffError `npy.format` for a truncated or foreign file
 */
export function decodeNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const fail = failure(name);
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) fail(`its ${bytes.length} bytes do not start with the header of a .npy file`);
  const version = bytes[6]!;
  if (version < 1 || version > 3) fail(`version ${version} of the format is unknown`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const textStart = version === 1 ? 10 : 12;
  if (bytes.length < textStart) fail(`only ${bytes.length} bytes long`);
  const start = textStart + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.length) fail(`truncated: the header alone needs ${start} bytes, the file has ${bytes.length}`);
  const header = version === 3 ? new TextDecoder().decode(bytes.subarray(textStart, start)) : decodeLatin1(bytes.subarray(textStart, start));

  const { description, fortran, shape } = parseHeader(header) ?? fail(`its header cannot be read: ${JSON.stringify(header.slice(0, 200).trim())}`);
  const order = /^[<>|=]/.exec(description)?.[0];
  return { description, type: description.slice(order === undefined ? 0 : 1), bigEndian: order === ">", fortran, shape, start };
}

function failure(name: string): Fail {
  return (what) => {
    throw new HidiffError("npy.format", `${name}: ${what}. Expected a complete .npy file; write it again with numpy.save.`);
  };
}

/**
 * Writes the bytes of a `.npy` file (version 1, little-endian, C order).
 *
 * @throws HidiffError `npy.shape` if the array's length does not fit its shape
 */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  const expected = elementCount(shape);
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0) || expected !== data.length) {
    throw new HidiffError("npy.shape", `encodeNpy: the array has ${data.length} elements, its shape [${shape}] needs ${expected}.`);
  }
  const header = encodeNpyHeader(elementType(data), shape);
  const file = new Uint8Array(header.length + data.byteLength);
  file.set(header);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return file;
}

/**
 * The bytes of a `.npy` file before its numbers (version 1, little-endian, C order), for arrays that are written piece by
 * piece: the numbers follow.
 *
 * @param type kind and size of the elements as NumPy writes them, such as `f4`
 */
export function encodeNpyHeader(type: string, shape: readonly number[]): Uint8Array {
  const order = elementSize(type) === 1 ? "|" : "<";
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${order}${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64; // aligns the numbers, as the format asks for
  const header = new Uint8Array(length);
  header.set([...magic, 1, 0]);
  new DataView(header.buffer).setUint16(8, length - 10, true);
  header.set(new TextEncoder().encode(`${text.padEnd(length - 11)}\n`), 10);
  return header;
}

interface Header {
  readonly description: string;
  readonly fortran: boolean;
  readonly shape: number[];
}

/** The header is a Python dictionary of three entries; a record's description is a list, which is handed on as it is. */
function parseHeader(header: string): Header | undefined {
  const entry = (key: string, value: string): string | undefined => new RegExp(`['"]${key}['"]\\s*:\\s*(${value})`).exec(header)?.[1];
  const description = entry("descr", `'[^']*'|"[^"]*"|\\[.*\\]`);
  const fortran = entry("fortran_order", "True|False");
  const tuple = entry("shape", "\\([^()]*\\)");
  if (!/^\s*\{.*\}\s*$/s.test(header) || description === undefined || fortran === undefined || tuple === undefined) return undefined;
  const lengths = tuple.slice(1, -1).trim().replace(/,$/, "");
  const shape = lengths === "" ? [] : lengths.split(",").map((length) => (/^\s*\d+L?\s*$/.test(length) ? Number.parseInt(length, 10) : NaN));
  if (!shape.every(Number.isSafeInteger)) return undefined;
  return { description: description.startsWith("[") ? description : description.slice(1, -1), fortran: fortran === "True", shape };
}

/** Reverses the bytes of each element. */
function reverseEach(bytes: Uint8Array, size: number): void {
  for (let begin = 0; begin < bytes.length; begin += size) bytes.subarray(begin, begin + size).reverse();
}

/** The elements of an array whose first axis runs fastest, with the last one running fastest. */
function toRowMajor<T extends NpyData>(data: T, shape: readonly number[]): T {
  const result = data.slice() as T;
  const strides: number[] = [];
  for (const [axis] of shape.entries()) strides.push(axis === 0 ? 1 : strides[axis - 1]! * shape[axis - 1]!);
  const index = shape.map(() => 0);
  for (let target = 0, source = 0; target < result.length; target++) {
    result[target] = data[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      source += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      source -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
