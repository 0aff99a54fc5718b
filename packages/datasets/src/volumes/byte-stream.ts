import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createGunzip, createUnzip, type Unzip } from "node:zlib";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";

/** How the bytes of a file, or those behind its header, are stored. `zlib` also takes gzip. */
export type Compression = "none" | "gzip" | "zlib";

/** Deflate cannot do better than 1032 to 1: two bits can stand for 258 bytes. */
const largestExpansion = 1032;

const chunkBytes = 256 * 1024;

/** The size of a file in bytes. @throws `file.read`; `datasets.volume` if it is not a regular file */
export async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  if (!found.isFile()) {
    throw new HidiffError("datasets.volume", `readVolume: "${path}" is not a regular file; give a volume file or a folder of DICOM files.`);
  }
  return found.size;
}

/** The most that `bytes` stored bytes can hold when they are unpacked. */
export function mostBytes(bytes: number, compression: Compression): number {
  return compression === "none" ? bytes : bytes * largestExpansion + 1024;
}

/** The first `count` bytes of a file, or all of a shorter one. */
export async function readStart(path: string, count: number): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(count);
      let length = 0;
      while (length < count) {
        const { bytesRead } = await file.read(buffer, length, count - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/** Whether a file begins as gzip files do, whatever its name says. */
export async function compressionOf(path: string): Promise<"none" | "gzip"> {
  const [first, second] = await readStart(path, 2);
  return first === 0x1f && second === 0x8b ? "gzip" : "none";
}

/** The first `count` unpacked bytes of a file; fewer if there are no more. Only as much as needed is read. */
export async function readUnpackedStart(path: string, compression: Compression, count: number): Promise<Uint8Array> {
  if (compression === "none") return readStart(path, count);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of unpackedChunks(path, 0, compression, 4096)) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  return Buffer.concat(parts).subarray(0, count);
}

/**
 * The unpacked bytes of a file from byte `start` on, in pieces. Whoever stops listening stops the reading.
 *
 * @param named how errors call the file
 * @throws `file.read`, and `datasets.volume` for damaged compressed data
 */
export async function* unpackedChunks(
  path: string,
  start: number,
  compression: Compression,
  pieceBytes: number = chunkBytes,
  named: string = `"${path}"`,
): AsyncGenerator<Buffer, void, undefined> {
  const file = createReadStream(path, { start, highWaterMark: Math.min(pieceBytes, chunkBytes) });
  let unzip: Unzip | undefined;
  if (compression !== "none") {
    unzip = compression === "gzip" ? createGunzip({ chunkSize: pieceBytes }) : createUnzip({ chunkSize: pieceBytes });
    file.on("error", (error) => unzip?.destroy(fileError("read", path, error)));
    file.pipe(unzip);
  }
  try {
    for await (const chunk of unzip ?? file) yield chunk as Buffer;
  } catch (error) {
    if (isHidiffError(error)) throw error;
    if (unzip === undefined || !isZlibError(error)) throw fileError("read", path, error);
    throw new HidiffError("datasets.volume", `readVolume: the compressed data of ${named} ${damage(error)}. Copy or download the file again.`, {
      cause: error,
    });
  } finally {
    unzip?.destroy();
    file.destroy();
  }
}

function isZlibError(error: unknown): error is NodeJS.ErrnoException {
  return ((error as NodeJS.ErrnoException).code ?? "").startsWith("Z_");
}

function damage(error: NodeJS.ErrnoException): string {
  if (error.message === "unexpected end of file") return "end too early: the file is truncated";
  return `are damaged (${error.message})`;
}
