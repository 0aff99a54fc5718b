import { open, rename, stat, unlink } from "node:fs/promises";
import { encodeNpyHeader } from "@hidiff/core-tensor/files";
import { fileError, temporaryPath } from "@hidiff/core-tensor/files-node";

/** What a file of slices holds: an array whose first axis are the slices, in NumPy's format. */
export interface SliceFile {
  readonly path: string;
  readonly type: "f4" | "u1";
  /** [slices, …] */
  readonly shape: readonly number[];
}

function headerOf({ type, shape }: SliceFile): Uint8Array {
  return encodeNpyHeader(type, shape);
}

/** How many bytes a slice has. */
export function sliceBytes({ type, shape }: SliceFile): number {
  return shape.slice(1).reduce((product, length) => product * length, type === "f4" ? 4 : 1);
}

/**
 * Writes files of slices together, a slice at a time, each completely or not at all: to a temporary name beside it, then
 * renamed into place.
 *
 * @param slice the arrays of a slice, one a file, in order
 * @throws HidiffError `file.write`, and what `slice` throws; nothing is left behind then
 */
export async function writeSliceFiles(files: readonly SliceFile[], slice: (index: number) => readonly (Float32Array | Uint8Array)[]): Promise<void> {
  const opened: { file: SliceFile; temporary: string; handle: Awaited<ReturnType<typeof open>> }[] = [];
  let path = "";
  try {
    for (const file of files) {
      path = file.path;
      const temporary = temporaryPath(file.path);
      const handle = await open(temporary, "w");
      opened.push({ file, temporary, handle });
      await handle.writeFile(headerOf(file));
    }
    for (let index = 0; index < (files[0]?.shape[0] ?? 0); index++) {
      path = ""; // what computing a slice throws is no failure to write
      const arrays = slice(index);
      for (const [place, { file, handle }] of opened.entries()) {
        path = file.path;
        const { buffer, byteOffset, byteLength } = arrays[place]!;
        await handle.writeFile(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
      }
    }
    for (const { file, temporary, handle } of opened) {
      path = file.path;
      await handle.sync();
      await handle.close();
      await rename(temporary, file.path);
    }
  } catch (error) {
    for (const { temporary, handle } of opened) {
      await handle.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
    }
    throw path === "" ? error : fileError("write", path, error);
  }
}

/** Whether a file of slices is there, complete, and of the type and shape that it should have. */
export async function isSliceFile(file: SliceFile): Promise<boolean> {
  const header = headerOf(file);
  try {
    if ((await stat(file.path)).size !== header.length + file.shape[0]! * sliceBytes(file)) return false;
    const found = await readBytes(file.path, 0, header.length);
    return found !== undefined && Buffer.from(header).equals(found);
  } catch {
    return false;
  }
}

/** Reads one slice, without the rest of the file. Undefined where the file is missing or too short. */
export async function readSlice(file: SliceFile, index: number): Promise<Float32Array | Uint8Array | undefined> {
  const length = sliceBytes(file);
  const bytes = await readBytes(file.path, headerOf(file).length + index * length, length);
  if (bytes === undefined) return undefined;
  return file.type === "f4" ? new Float32Array(bytes.buffer, bytes.byteOffset, length / 4) : bytes;
}

async function readBytes(path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(length);
  try {
    const handle = await open(path, "r");
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) return undefined;
        done += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError("read", path, error);
  }
  return bytes;
}
