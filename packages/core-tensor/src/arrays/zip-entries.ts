import type { Fail } from "./fail.ts";

/** A file in a zip archive, as the archive's directory describes it. */
export interface ZipEntry {
  readonly path: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  /** Where its stored bytes begin in the archive. */
  readonly offset: number;
  /** How many bytes are stored. */
  readonly storedSize: number;
  /** What the directory says that they unpack to, in bytes. */
  readonly size: number;
}

/** Asks for `length` bytes of the archive from `offset`, and goes on when it is given them. */
type ZipReader<T> = Generator<{ readonly offset: number; readonly length: number }, T, Uint8Array>;

interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

const endOfDirectory = 0x06054b50;
const endOfDirectory64 = 0x06064b50;
const locator64 = 0x07064b50;
const directoryEntry = 0x02014b50;
const localEntry = 0x04034b50;
/** Stands in a field of 32 bits for a number that is in the zip64 fields. */
const elsewhere = 0xffffffff;

/**
 * Reads the directory of a zip archive, of more than 4 GiB too (zip64). The directory at the archive's end counts; every
 * file must lie before it, and no two may overlap.
 *
 * The reader says which bytes it needs, so that it serves archives in memory and in files that are too large for it.
 *
 * @param size of the archive in bytes
 * @param fail throws an error that says what is wrong
 */
export function* readZipDirectory(size: number, fail: Fail): ZipReader<ZipEntry[]> {
  const { start, end, count } = yield* findDirectory(size, fail);
  const bytes = yield { offset: start, length: end - start };
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  const extents: { readonly path: string; readonly begin: number; readonly end: number }[] = [];
  let position = 0;
  for (let i = 0; i < count; i++) {
    if (position + 46 > bytes.length || view.getUint32(position, true) !== directoryEntry) return fail(`entry ${i} of its directory is damaged`);
    const nameEnd = position + 46 + view.getUint16(position + 28, true);
    const extraEnd = nameEnd + view.getUint16(position + 30, true);
    const next = extraEnd + view.getUint16(position + 32, true);
    if (next > bytes.length) return fail(`entry ${i} of its directory is damaged`);
    const path = decodeText(bytes.subarray(position + 46, nameEnd)) ?? fail(`the name of entry ${i} is not UTF-8`);
    if ((view.getUint16(position + 8, true) & 1) !== 0) return fail(`"${path}" is encrypted`);
    const [unpacked, storedSize, local] = wideFields(view, position, nameEnd, extraEnd) ?? fail(`the sizes of "${path}" are damaged`);
    if (local! + 30 > start) return fail(`"${path}" does not lie where the directory says`);
    const header = viewOf(yield { offset: local!, length: 30 });
    if (header.getUint32(0, true) !== localEntry) return fail(`"${path}" does not lie where the directory says`);
    const offset = local! + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    if (offset + storedSize! > start) return fail(`"${path}" is truncated`);
    extents.push({ path, begin: local!, end: offset + storedSize! });
    entries.push({
      path,
      method: view.getUint16(position + 10, true),
      crc: view.getUint32(position + 16, true),
      offset,
      storedSize: storedSize!,
      size: unpacked!,
    });
    position = next;
  }
  if (position !== bytes.length) return fail(`its directory has ${bytes.length - position} bytes too many`);
  extents.sort((a, b) => a.begin - b.begin);
  for (const [i, { path, begin }] of extents.entries()) {
    if (i > 0 && begin < extents[i - 1]!.end) return fail(`"${extents[i - 1]!.path}" and "${path}" overlap`);
  }
  return entries;
}

/** The files of a zip archive in memory, as {@link readZipDirectory} reads them. */
export function zipEntries(bytes: Uint8Array, fail: Fail): ZipEntry[] {
  const reader = readZipDirectory(bytes.length, fail);
  let step = reader.next();
  while (step.done !== true) step = reader.next(bytes.subarray(step.value.offset, step.value.offset + step.value.length));
  return step.value;
}

function* findDirectory(size: number, fail: Fail): ZipReader<Directory> {
  // The end record closes the file, with a comment of up to 65535 bytes; 20 bytes before it may stand zip64's locator.
  const tailStart = Math.max(0, size - 22 - 65535 - 20);
  const tail = viewOf(yield { offset: tailStart, length: size - tailStart });
  const at = findEnd(tail);
  if (at === undefined) return fail("it has no zip directory at its end: truncated, or no zip archive");
  const end = tailStart + at;
  const directory = (yield* findDirectory64(tail, at, end, fail)) ?? {
    start: tail.getUint32(at + 16, true),
    length: tail.getUint32(at + 12, true),
    count: tail.getUint16(at + 10, true),
    countHere: tail.getUint16(at + 8, true),
    end,
  };
  const { start, length, count } = directory;
  if (tail.getUint16(at + 4, true) !== 0 || directory.countHere !== count) return fail("it is one part of several, or damaged");
  if (start + length !== directory.end) return fail(`its directory does not lie where it should (${start} + ${length} is not ${directory.end})`);
  return { start, end: directory.end, count };
}

/** What zip64's end record says, or undefined if there is none. */
function* findDirectory64(
  tail: DataView,
  at: number,
  end: number,
  fail: Fail,
): ZipReader<(Directory & { readonly length: number; readonly countHere: number }) | undefined> {
  if (at < 20 || tail.getUint32(at - 20, true) !== locator64) return undefined;
  const offset = Number(tail.getBigUint64(at - 12, true));
  if (offset + 56 > end - 20) return fail("its zip64 end record does not lie where it should");
  const record = viewOf(yield { offset, length: 56 });
  if (record.getUint32(0, true) !== endOfDirectory64) return fail("its zip64 end record does not lie where it should");
  const [countHere, count, length, start] = [24, 32, 40, 48].map((field) => Number(record.getBigUint64(field, true)));
  return { start: start!, length: length!, count: count!, countHere: countHere!, end: offset };
}

function findEnd(tail: DataView): number | undefined {
  for (let at = tail.byteLength - 22; at >= Math.max(0, tail.byteLength - 22 - 65535); at--) {
    if (tail.getUint32(at, true) === endOfDirectory && at + 22 + tail.getUint16(at + 20, true) === tail.byteLength) return at;
  }
  return undefined;
}

/**
 * Unpacked size, stored size and place of the local header of the directory's entry at `position`; those that need more than
 * 32 bits are in the extra field 1, in this order. Undefined if one is missing there.
 */
function wideFields(view: DataView, position: number, extraStart: number, extraEnd: number): number[] | undefined {
  const values = [24, 20, 42].map((field) => view.getUint32(position + field, true));
  if (!values.includes(elsewhere)) return values;
  let field = extraStart;
  while (field + 4 <= extraEnd && view.getUint16(field, true) !== 1) field += 4 + view.getUint16(field + 2, true);
  if (field + 4 > extraEnd) return undefined;
  const end = Math.min(extraEnd, field + 4 + view.getUint16(field + 2, true));
  field += 4;
  for (const [i, value] of values.entries()) {
    if (value !== elsewhere) continue;
    if (field + 8 > end) return undefined;
    values[i] = Number(view.getBigUint64(field, true));
    field += 8;
  }
  return values;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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

/**
 * The checksum of the zip format (CRC-32).
 *
 * @param before that of the bytes before these
 */
export function crc32(bytes: Uint8Array, before: number = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
