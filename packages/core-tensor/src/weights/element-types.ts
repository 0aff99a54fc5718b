import { decodeElements } from "../arrays/elements.ts";
import type { Fail } from "../arrays/fail.ts";

interface ElementType {
  /** Bytes an element. */
  readonly size: number;
  /** NumPy's name, where it has the type. */
  readonly numpy?: string;
}

/** By the names of safetensors. Those without a conversion are known by their size only. */
const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ["F64", { size: 8, numpy: "f8" }],
  ["F32", { size: 4, numpy: "f4" }],
  ["F16", { size: 2, numpy: "f2" }],
  ["BF16", { size: 2 }],
  ["I64", { size: 8, numpy: "i8" }],
  ["I32", { size: 4, numpy: "i4" }],
  ["I16", { size: 2, numpy: "i2" }],
  ["I8", { size: 1, numpy: "i1" }],
  ["U64", { size: 8, numpy: "u8" }],
  ["U32", { size: 4, numpy: "u4" }],
  ["U16", { size: 2, numpy: "u2" }],
  ["U8", { size: 1, numpy: "u1" }],
  ["BOOL", { size: 1, numpy: "b1" }],
  ["C64", { size: 8 }],
  ["C128", { size: 16 }],
  ["F8_E4M3", { size: 1 }],
  ["F8_E5M2", { size: 1 }],
  ["F8_E8M0", { size: 1 }],
]);

/** Bytes an element of a type by its name in safetensors, or undefined if the type is unknown. */
export function sizeOfType(dtype: string): number | undefined {
  return elementTypes.get(dtype)?.size;
}

/** The name in safetensors of NumPy's type, such as `f4`, or undefined. */
export function typeFromNumpy(numpy: string): string | undefined {
  return [...elementTypes].find(([, type]) => type.numpy === numpy)?.[0];
}

/** Integers up to this magnitude are exact as 32-bit floats. */
const largestExact = 2 ** 24;

/**
 * Little-endian elements as 32-bit floats: F16, BF16 and BOOL exactly, F64 rounded to nearest, integers exactly.
 *
 * @param bytes may become the result's memory
 * @param fail throws an error that says why an element, or the type, cannot be converted
 */
export function toFloats(dtype: string, bytes: ArrayBuffer, fail: Fail): Float32Array {
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes);
    case "F64":
      return Float32Array.from(new Float64Array(bytes));
    case "BF16":
      // The upper half of a 32-bit float's bits.
      return new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer);
    case "BOOL":
      return Float32Array.from(new Uint8Array(bytes), (byte) => (byte === 0 ? 0 : 1));
    case "I64":
    case "U64":
      return longToFloats(new BigInt64Array(bytes), dtype === "U64", fail);
    default: {
      const numpy = elementTypes.get(dtype)?.numpy ?? unsupported(dtype, fail);
      const values = decodeElements(numpy, bytes, dtype);
      if (values instanceof Float32Array) return values;
      if (values.BYTES_PER_ELEMENT === 4) {
        for (const value of values) if (Math.abs(value) > largestExact) return tooLarge(value, fail);
      }
      return Float32Array.from(values);
    }
  }
}

/** Fails for a type that is not converted. */
export function unsupported(dtype: string, fail: Fail): never {
  return fail(`elements of type ${dtype} are not supported; convert them to float32, float16 or bfloat16 first`);
}

function longToFloats(values: BigInt64Array, unsigned: boolean, fail: Fail): Float32Array {
  const floats = new Float32Array(values.length);
  for (let i = 0; i < floats.length; i++) {
    const value = unsigned ? BigInt.asUintN(64, values[i]!) : values[i]!;
    if (value > largestExact || value < -largestExact) return tooLarge(value, fail);
    floats[i] = Number(value);
  }
  return floats;
}

function tooLarge(value: number | bigint, fail: Fail): never {
  return fail(`it holds the integer ${value}; beyond ±2²⁴ they are not exact as 32-bit floats. Such an array is no weights`);
}
