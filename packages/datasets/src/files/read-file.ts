import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";

/**
 * Reads a whole file. Pipes and devices, which may never end, are not touched.
 *
 * @throws `file.read` where it is missing, no regular file, or cannot be read
 */
export async function readWholeFile(path: string): Promise<Buffer> {
  await statFile(path);
  return readFile(path).catch((error: unknown) => {
    throw readError(path, error);
  });
}

/** What the file system says of a regular file. @throws `file.read` for everything else */
export async function statFile(path: string): Promise<Stats> {
  const found = await stat(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  if (found.isFile()) return found;
  const what = found.isDirectory() ? "it is a folder, not a file" : "it is a pipe or a device, not a file";
  throw fileError("read", path, new Error(`${what}; put the file itself there`));
}

/** A `file.read` error, also for links that never end, of which the system's own words tell little. */
export function readError(path: string, error: unknown): HidiffError {
  if ((error as NodeJS.ErrnoException).code !== "ELOOP") return fileError("read", path, error);
  return fileError("read", path, new Error("it is a symbolic link that leads in a circle; put the file itself there", { cause: error }));
}
