import { type FileHandle, open, stat } from "node:fs/promises";
import { fileError } from "../checkpoints/atomic-file.ts";
import { type ByteSource, checkRange } from "./byte-source.ts";

/** The system reads at most 2 GiB at once. */
const largestRead = 2 ** 30;

/**
 * Opens a file for reading in any place.
 *
 * @throws HidiffError `file.read`
 */
export async function openFileSource(path: string): Promise<ByteSource> {
  let file: FileHandle | undefined;
  try {
    const kind = await stat(path); // opening a pipe would wait for a writer
    if (!kind.isFile() && !kind.isDirectory()) throw new Error("it is a pipe or a device; save its content as a file first");
    file = await open(path, "r");
    return fileSource(file, (await file.stat()).size, path);
  } catch (error) {
    await file?.close();
    throw fileError("read", path, error);
  }
}

function fileSource(file: FileHandle, size: number, path: string): ByteSource {
  return {
    size,
    async read(offset, length) {
      checkRange(size, offset, length, path);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, Math.min(length - done, largestRead), offset + done).catch((error: unknown) => {
          throw fileError("read", path, error);
        });
        if (bytesRead === 0) checkRange(offset + done, offset, length, path); // it was cut off while it was open
        done += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
