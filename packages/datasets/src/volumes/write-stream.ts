import { createWriteStream } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { fileError, temporaryPath } from "@hidiff/core-tensor/files-node";

/**
 * Writes pieces to a file completely or not at all, compressed on the way: to a temporary name beside it, flushed, then
 * renamed into place. No more than a few pieces are held in memory.
 *
 * @throws `file.write`; what was there before is untouched
 */
export async function writePiecesAtomic(path: string, pieces: Iterable<Uint8Array>, compression: "none" | "gzip"): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const source = Readable.from(pieces, { objectMode: true });
    const target = createWriteStream(temporary);
    if (compression === "gzip") await pipeline(source, createGzip({ level: 6, chunkSize: 256 * 1024 }), target);
    else await pipeline(source, target);
    await flush(temporary);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw fileError("write", path, error);
  }
}

/** Waits until a file's content is on the disk. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
