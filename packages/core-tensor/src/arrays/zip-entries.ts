/** A file in a zip archive, as the archive's directory describes it. */
export interface ZipEntry {
  readonly path: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  /** Its bytes as stored. */
  readonly stored: Uint8Array;
  /** What the directory says that they unpack to, in bytes. */
  readonly size: number;
}

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const localEntry = 0x04034b50;

/**
 * The files of a zip archive. The directory at the archive's end counts, and every file must lie before it.
 *
 * @param fail throws an error that says what is wrong
 */
export function zipEntries(bytes: Uint8Array, fail: (what: string) => never): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  if (end === undefined) return fail("it has no zip directory at its end: truncated, or no zip archive");
  const count = view.getUint16(end + 10, true);
  const length = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (count === 0xffff || length === 0xffffffff || start === 0xffffffff) {
    return fail("it is a zip64 archive of more than 4 GB or 65534 files, which is not supported");
  }
  if (view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) return fail("it is one part of several, or damaged");
  if (start + length !== end) return fail(`its directory does not lie where it should (${start} + ${length} is not ${end})`);

  const entries: ZipEntry[] = [];
  let position = start;
  for (let i = 0; i < count; i++) {
    if (position + 46 > end || view.getUint32(position, true) !== directoryEntry) return fail(`entry ${i} of its directory is damaged`);
    const flags = view.getUint16(position + 8, true);
    const packed = view.getUint32(position + 20, true);
    const size = view.getUint32(position + 24, true);
    const nameEnd = position + 46 + view.getUint16(position + 28, true);
    const next = nameEnd + view.getUint16(position + 30, true) + view.getUint16(position + 32, true);
    const local = view.getUint32(position + 42, true);
    if (next > end) return fail(`entry ${i} of its directory is damaged`);
    const path = decodeText(bytes.subarray(position + 46, nameEnd)) ?? fail(`the name of entry ${i} is not UTF-8`);
    if ((flags & 1) !== 0) return fail(`"${path}" is encrypted`);
    if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) return fail(`"${path}" has more than 4 GB, which is not supported`);
    if (local + 30 > start || view.getUint32(local, true) !== localEntry) return fail(`"${path}" does not lie where the directory says`);
    const data = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (data + packed > start) return fail(`"${path}" is truncated`);
    entries.push({ path, method: view.getUint16(position + 10, true), crc: view.getUint32(position + 16, true), stored: bytes.subarray(data, data + packed), size });
    position = next;
  }
  return position === end ? entries : fail(`its directory has ${end - position} bytes too many`);
}

/** Where the end record lies: it closes the file, with a comment of up to 65535 bytes. */
function findEnd(view: DataView): number | undefined {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 65535); at--) {
    if (view.getUint32(at, true) === endOfDirectory && at + 22 + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  return undefined;
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The checksum of the zip format (CRC-32). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
