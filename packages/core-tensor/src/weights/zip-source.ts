import { EntryInflater } from "../arrays/entry-inflater.ts";
import type { Fail } from "../arrays/fail.ts";
import { crc32, readZipDirectory, type ZipEntry } from "../arrays/zip-entries.ts";
import type { ByteSource } from "./byte-source.ts";

/** How many bytes are inflated or checked at once. */
const piece = 2 ** 20;

/** How many stored bytes are inflated at once: they unpack to at most 16 MiB. */
const deflatedPiece = 2 ** 14;

/** The files of a zip archive, see {@link readZipDirectory}. */
export async function readZipEntries(source: ByteSource, fail: Fail): Promise<ZipEntry[]> {
  const reader = readZipDirectory(source.size, fail);
  let step = reader.next();
  while (step.done !== true) step = reader.next(await source.read(step.value.offset, step.value.length));
  return step.value;
}

/** Whether a file's first bytes are those of a zip archive. */
export function isZip(start: Uint8Array): boolean {
  return start[0] === 0x50 && start[1] === 0x4b && ((start[2] === 3 && start[3] === 4) || (start[2] === 5 && start[3] === 6));
}

/** The first `length` bytes of an archive's file, or all if it has fewer. */
export async function entryStart(source: ByteSource, entry: ZipEntry, length: number, fail: Fail): Promise<Uint8Array> {
  if (entry.method === 0) return source.read(entry.offset, Math.min(length, entry.storedSize));
  return inflate(source, entry, new EntryInflater(entry, fail, length));
}

/** The content of an archive's deflated file; its checksum is verified. */
export async function inflateEntry(source: ByteSource, entry: ZipEntry, fail: Fail): Promise<Uint8Array> {
  const content = await inflate(source, entry, new EntryInflater(entry, fail));
  if (crc32(content) !== entry.crc) fail(`the checksum of "${entry.path}" is wrong: the file is damaged`);
  return content;
}

/** Verifies the checksum of an archive's stored file, piece by piece. */
export async function verifyEntry(source: ByteSource, entry: ZipEntry, fail: Fail): Promise<void> {
  let crc = 0;
  for (let begin = 0; begin < entry.storedSize; begin += piece) {
    crc = crc32(await source.read(entry.offset + begin, Math.min(piece, entry.storedSize - begin)), crc);
  }
  if (crc !== entry.crc) fail(`the checksum of "${entry.path}" is wrong: the file is damaged`);
}

async function inflate(source: ByteSource, entry: ZipEntry, inflater: EntryInflater): Promise<Uint8Array> {
  for (let begin = 0; begin < entry.storedSize; begin += deflatedPiece) {
    inflater.push(await source.read(entry.offset + begin, Math.min(deflatedPiece, entry.storedSize - begin)));
    if (inflater.wantsNoMore) break;
  }
  return inflater.finish();
}
