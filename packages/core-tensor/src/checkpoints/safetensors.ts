import { elementCount } from "../arrays/element-count.ts";
import { decodeHalves, encodeHalves, largestHalf, overflowsHalf } from "../arrays/half-precision.ts";
import { HidiffError } from "../errors.ts";
import { decodeSafetensorsHeader, encodeSafetensorsHeader, safetensorsDataStart } from "./safetensors-header.ts";

/** An array as a safetensors file stores it. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: Map<string, StoredTensor>;
  /** Texts by key. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How floating-point numbers are stored: single precision, or half of it (rounded to the nearest, 11 significant bits). */
export type FloatType = "F32" | "F16";

const bytesPerElement: Readonly<Record<string, number>> = { F32: 4, F16: 2, U8: 1 };

/**
 * Serializes arrays in the safetensors format: header length, JSON header, data, all little-endian.
 *
 * @param floats how `Float32Array`s are stored
 * @throws HidiffError `safetensors.shape` if an array's length does not fit its shape, `safetensors.range` for numbers that are
 * too large for half precision
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
  floats: FloatType = "F32",
): Uint8Array {
  // Floats first, so that they stay aligned behind bytes of any number.
  const arrays = [...tensors]
    .sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT)
    .map(([name, { shape, data }]) => {
      if (elementCount(shape) !== data.length) {
        throw new HidiffError("safetensors.shape", `${name} has ${data.length} elements, its shape [${shape}] needs ${elementCount(shape)}.`);
      }
      const dtype = data instanceof Float32Array ? floats : "U8";
      return { name, dtype, shape, byteLength: bytesPerElement[dtype]! * data.length, data: dtype === "F16" ? halves(name, data as Float32Array) : data };
    });
  const header = encodeSafetensorsHeader(arrays, metadata);
  const file = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, header.length));
  file.set(header);
  let position = header.length;
  for (const { data } of arrays) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file's bytes; half precision becomes single precision.
 *
 * @param name how errors call the file
 * @throws HidiffError `safetensors.format` for a truncated or foreign file, `safetensors.dtype` for other element types
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const dataStart = safetensorsDataStart(bytes.subarray(0, 8), bytes.length, name);
  const { entries, metadata } = decodeSafetensorsHeader(bytes.subarray(8, dataStart), bytes.length, name, (dtype, key) => {
    if (Object.hasOwn(bytesPerElement, dtype)) return bytesPerElement[dtype]!;
    throw new HidiffError("safetensors.dtype", `${name}: ${key} has element type ${dtype}; F32, F16 and U8 are supported.`);
  });
  const tensors = new Map<string, StoredTensor>();
  for (const [key, { dtype, shape, begin, end }] of entries) {
    const copy = new Uint8Array(end - begin); // not slice(), which shares memory if the bytes are a Buffer
    copy.set(bytes.subarray(begin, end));
    tensors.set(key, { shape, data: readers[dtype]!(copy) });
  }
  return { tensors, metadata };
}

const readers: Readonly<Record<string, (bytes: Uint8Array) => StoredTensor["data"]>> = {
  F32: ({ buffer }) => new Float32Array(buffer),
  F16: ({ buffer }) => decodeHalves(new Uint16Array(buffer)),
  U8: (bytes) => bytes,
};

function halves(name: string, values: Float32Array): Uint16Array {
  const large = values.find(overflowsHalf);
  if (large === undefined) return encodeHalves(values);
  throw new HidiffError("safetensors.range", `${name} holds ${large}, half precision ends at ${largestHalf}; store it in single precision.`);
}
