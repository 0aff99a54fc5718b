import { open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { HidiffError } from "../errors.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile, type StoredTensor } from "./safetensors.ts";
import { temporaryPath } from "./temporary-files.ts";

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EACCES: "permission was denied; choose another folder or change its permissions",
  EPERM: "the operation is not permitted there; choose another folder",
  EROFS: "the file system is read-only; choose another folder",
  ENOENT: "there is no such file or folder; check the path",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  EMFILE: "too many files are open; raise the limit or do less at once",
};

/** A {@link HidiffError} `file.write` or `file.read` that says what went wrong with a path, and the remedy. */
export function fileError(action: "read" | "write", path: string, error: unknown): HidiffError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const reason = remedies[code] ?? (error instanceof Error ? error.message : String(error));
  return new HidiffError(`file.${action}`, `Cannot ${action} ${path}: ${reason}.`, { cause: error });
}

/**
 * Writes a file completely or not at all: to a temporary name beside it, flushed, then renamed into place.
 *
 * @throws HidiffError `file.write`; what was there before is untouched
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw fileError("write", path, error);
  }
}

/** Reads a safetensors file. Errors as {@link decodeSafetensors}, and `file.read`. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  return decodeSafetensors(bytes, path);
}

/** Writes a safetensors file atomically; it is on the disk, under its name, when this returns. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
  await flushFolder(dirname(path));
}

/** Returns when a folder's list of names is on the disk, on systems where folders can be flushed. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
