import type { VoxelArray } from "../types.ts";

/** The scalar types of volume files; 64-bit integers come as float64 numbers where those are exact. */
export type VoxelType = "int8" | "uint8" | "int16" | "uint16" | "int32" | "uint32" | "int64" | "uint64" | "float32" | "float64";

/** Bytes per voxel of a type. */
export function bytesOf(type: VoxelType): number {
  return { int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, float32: 4, int64: 8, uint64: 8, float64: 8 }[type];
}

const views = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
  // read as pairs of words, then replaced in place
  int64: Float64Array,
  uint64: Float64Array,
} as const;

/** The bytes of little-endian voxels as numbers, in the same memory. 64-bit integers still need {@link replaceInt64}. */
export function viewAs(type: VoxelType, buffer: ArrayBuffer): VoxelArray {
  return new views[type](buffer);
}

/**
 * Replaces little-endian 64-bit integers by float64 numbers of the same value, in place.
 *
 * @returns the index of the first integer beyond ±2⁵³, which float64 does not hold exactly; -1 if there is none
 */
export function replaceInt64(buffer: ArrayBuffer, signed: boolean): number {
  const words = new Uint32Array(buffer);
  const numbers = new Float64Array(buffer);
  for (let index = 0; index < numbers.length; index++) {
    const low = words[2 * index]!;
    const stored = words[2 * index + 1]!;
    const value = (signed ? stored | 0 : stored) * 4294967296 + low;
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) return index;
    numbers[index] = value;
  }
  return -1;
}
