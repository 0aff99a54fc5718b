import { HidiffError } from "../errors.ts";
import { decodeHalves } from "./half-precision.ts";

/** The numbers of an array, as files store them. */
export type NpyData = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

interface ElementType {
  /** Bytes an element. */
  readonly size: number;
  /** @param name how errors call the array */
  read(bytes: ArrayBuffer, name: string): NpyData;
}

const elementTypes: Readonly<Record<string, ElementType>> = {
  b1: { size: 1, read: (bytes) => new Uint8Array(bytes) },
  i1: { size: 1, read: (bytes) => new Int8Array(bytes) },
  u1: { size: 1, read: (bytes) => new Uint8Array(bytes) },
  i2: { size: 2, read: (bytes) => new Int16Array(bytes) },
  u2: { size: 2, read: (bytes) => new Uint16Array(bytes) },
  i4: { size: 4, read: (bytes) => new Int32Array(bytes) },
  u4: { size: 4, read: (bytes) => new Uint32Array(bytes) },
  i8: { size: 8, read: (bytes, name) => exactDoubles(new BigInt64Array(bytes), name) },
  u8: { size: 8, read: (bytes, name) => exactDoubles(new BigUint64Array(bytes), name) },
  f2: { size: 2, read: (bytes) => decodeHalves(new Uint16Array(bytes)) },
  f4: { size: 4, read: (bytes) => new Float32Array(bytes) },
  f8: { size: 8, read: (bytes) => new Float64Array(bytes) },
};

/** Bytes an element of NumPy's type `type` (its kind and size, such as `f4`), or undefined for types that are not read. */
export function elementSize(type: string): number | undefined {
  return Object.hasOwn(elementTypes, type) ? elementTypes[type]!.size : undefined;
}

/**
 * The numbers in little-endian bytes.
 *
 * Booleans (`b1`) become a `Uint8Array` of 0 and 1, half precision (`f2`) a `Float32Array`, and integers of 64 bits (`i8`,
 * `u8`) a `Float64Array`; the other types keep their own kind of array, which shares memory with `bytes`.
 *
 * @param type kind and size as NumPy writes them: b1, i1, u1, i2, u2, i4, u4, i8, u8, f2, f4 or f8
 * @param name how errors call the array
 * @throws HidiffError `npy.dtype` for other types, and for integers beyond ±2⁵³, which a number does not hold exactly
 */
export function decodeElements(type: string, bytes: ArrayBuffer, name: string): NpyData {
  if (elementSize(type) === undefined) {
    throw new HidiffError("npy.dtype", `${name}: elements of type "${type}" are not supported. Save numbers: bool, int8 … uint64, float16, float32 or float64.`);
  }
  return elementTypes[type]!.read(bytes, name);
}

/** NumPy's name of the type of an array's elements. */
export function elementType(data: NpyData): string {
  const kind = data instanceof Float32Array || data instanceof Float64Array ? "f" : data.constructor.name.startsWith("Uint") ? "u" : "i";
  return `${kind}${data.BYTES_PER_ELEMENT}`;
}

function exactDoubles(values: BigInt64Array | BigUint64Array, name: string): Float64Array {
  const doubles = new Float64Array(values.length);
  for (let i = 0; i < doubles.length; i++) {
    const value = values[i]!;
    doubles[i] = Number(value);
    if (!Number.isSafeInteger(doubles[i])) {
      throw new HidiffError("npy.dtype", `${name}: element ${i} is ${value}; integers beyond ±2⁵³ cannot be read exactly. Save the array as int32 or float64.`);
    }
  }
  return doubles;
}
