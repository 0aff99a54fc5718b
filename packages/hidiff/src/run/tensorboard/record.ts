import { crc32c } from "./crc32c.ts";

/**
 * One TFRecord: its length (64 bits, little-endian) and content, each followed by its masked checksum (TensorFlow,
 * `core/lib/io/record_writer.h`).
 */
export function encodeRecord(content: Uint8Array): Uint8Array {
  const record = new Uint8Array(content.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(content.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(content, 12);
  view.setUint32(12 + content.length, masked(crc32c(content)), true);
  return record;
}

/** Checksums of what holds checksums are weak, so that stored ones are rotated and shifted. */
function masked(checksum: number): number {
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
