import { elementCount } from "../arrays/element-count.ts";
import { HidiffError } from "../errors.ts";
import type { HostTensor } from "../modules/module.ts";
import type { ByteSource } from "./byte-source.ts";
import { sizeOfType, toFloats, unsupported } from "./element-types.ts";
import type { WeightsEntry } from "./weights-file.ts";

/** Where an array's elements are. */
export interface StoredArray extends WeightsEntry {
  /** What holds them; the array is read from `offset` on. */
  source(): Promise<ByteSource>;
  /** Of the first element, in bytes. */
  readonly offset: number;
  readonly bigEndian?: boolean;
  /** In elements, none negative. Default: the last axis runs fastest. */
  readonly strides?: readonly number[];
}

type Bytes = Uint8Array<ArrayBuffer>;

/** How many elements are converted at once. */
const piece = 2 ** 20;

/**
 * Reads an array as 32-bit floats, see {@link toFloats}. Beyond the result, which for F32 is the memory that was read, at most
 * a few megabytes are needed at once; with strides, as much again as the array spans in its file.
 *
 * @param name how errors call the array
 * @throws HidiffError `weights.dtype` for elements that do not become 32-bit floats
 */
export async function readStoredArray(array: StoredArray, name: string): Promise<HostTensor> {
  const { dtype, shape, offset, bigEndian = false } = array;
  const fail = (what: string): never => {
    throw new HidiffError("weights.dtype", `${name}: ${what}.`);
  };
  const size = sizeOfType(dtype) ?? unsupported(dtype, fail);
  const count = elementCount(shape);
  if (count === 0) return { shape, data: new Float32Array(0) };
  const strides = array.strides === undefined || isContiguous(shape, array.strides) ? undefined : array.strides;
  const source = await array.source();
  const convert = (bytes: Bytes): Float32Array => {
    if (bigEndian && size > 1) for (let begin = 0; begin < bytes.length; begin += size) bytes.subarray(begin, begin + size).reverse();
    return toFloats(dtype, bytes.buffer, fail);
  };
  if (strides !== undefined) {
    const bytes = await source.read(offset, span(shape, strides) * size);
    return { shape, data: convertPieces(gather(bytes, size, shape, strides), size, convert) };
  }
  if (dtype === "F32") return { shape, data: convert(await source.read(offset, count * size)) };
  const data = new Float32Array(count);
  for (let begin = 0; begin < count; begin += piece) {
    data.set(convert(await source.read(offset + begin * size, Math.min(piece, count - begin) * size)), begin);
  }
  return { shape, data };
}

function convertPieces(bytes: Bytes, size: number, convert: (bytes: Bytes) => Float32Array): Float32Array {
  if (size === 4) return convert(bytes);
  const data = new Float32Array(bytes.length / size);
  for (let begin = 0; begin < data.length; begin += piece) data.set(convert(bytes.slice(begin * size, (begin + piece) * size)), begin);
  return data;
}

/** How many elements lie between the first and the last one, both included; 0 for an array without elements. */
export function span(shape: readonly number[], strides: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, 1);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** The elements of `size` bytes one after the other, the last axis running fastest. */
function gather(bytes: Bytes, size: number, shape: readonly number[], strides: readonly number[]): Bytes {
  const count = elementCount(shape);
  // Elements are moved as units of up to four bytes, several for wider ones.
  const unit = Math.min(size, 4);
  const Units = unit === 4 ? Uint32Array : unit === 2 ? Uint16Array : Uint8Array;
  const units = size / unit;
  const from = new Units(bytes.buffer);
  const to = new Units(count * units);
  const index = shape.map(() => 0);
  let source = 0;
  for (let i = 0; i < count; i++) {
    for (let part = 0; part < units; part++) to[i * units + part] = from[source * units + part]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return new Uint8Array(to.buffer);
}
