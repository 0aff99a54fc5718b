import { HidiffError } from "../errors.ts";

/** Bytes that are read where they are needed: of a file, or in memory. */
export interface ByteSource {
  readonly size: number;
  /**
   * A copy of `length` bytes from `offset`, in memory of its own.
   *
   * @throws HidiffError `file.read`, and `weights.format` if the source ends before
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** The bytes of a file in memory. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    size: bytes.length,
    async read(offset, length) {
      checkRange(bytes.length, offset, length, name);
      const copy = new Uint8Array(length);
      copy.set(bytes.subarray(offset, offset + length));
      return copy;
    },
    async close() {},
  };
}

/** @throws HidiffError `weights.format` unless the range lies in a source of `size` bytes */
export function checkRange(size: number, offset: number, length: number, name: string): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > size) {
    throw new HidiffError(
      "weights.format",
      `${name}: truncated: bytes ${offset} to ${offset + length} are needed, there are ${size}. Copy the file again.`,
    );
  }
}
