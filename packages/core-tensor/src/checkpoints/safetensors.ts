import { elementCount } from "../arrays/element-count.ts";
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

const bytesPerElement: Readonly<Record<string, number>> = { F32: 4, U8: 1 };

/**
 * Serializes arrays in the safetensors format: header length, JSON header, data, all little-endian.
 *
 * @throws HidiffError `safetensors.shape` if an array's length does not fit its shape
 */
export function encodeSafetensors(tensors: ReadonlyMap<string, StoredTensor>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  // Floats first, so that they stay aligned behind bytes of any number.
  const arrays = [...tensors]
    .sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT)
    .map(([name, { shape, data }]) => {
      if (elementCount(shape) !== data.length) {
        throw new HidiffError("safetensors.shape", `${name} has ${data.length} elements, its shape [${shape}] needs ${elementCount(shape)}.`);
      }
      return { name, dtype: data instanceof Float32Array ? "F32" : "U8", shape, byteLength: data.byteLength, data };
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
 * Reads a safetensors file's bytes.
 *
 * @param name how errors call the file
 * @throws HidiffError `safetensors.format` for a truncated or foreign file, `safetensors.dtype` for other element types
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const dataStart = safetensorsDataStart(bytes.subarray(0, 8), bytes.length, name);
  const { entries, metadata } = decodeSafetensorsHeader(bytes.subarray(8, dataStart), bytes.length, name, (dtype, key) => {
    if (Object.hasOwn(bytesPerElement, dtype)) return bytesPerElement[dtype]!;
    throw new HidiffError("safetensors.dtype", `${name}: ${key} has element type ${dtype}; F32 and U8 are supported.`);
  });
  const tensors = new Map<string, StoredTensor>();
  for (const [key, { dtype, shape, begin, end }] of entries) {
    const copy = new Uint8Array(end - begin); // not slice(), which shares memory if the bytes are a Buffer
    copy.set(bytes.subarray(begin, end));
    tensors.set(key, { shape, data: dtype === "F32" ? new Float32Array(copy.buffer) : copy });
  }
  return { tensors, metadata };
}
