import { readFile } from "node:fs/promises";
import { fileError } from "@hidiff/core-tensor/node";

/**
 * Reads a file of a segmentor's model, relative to the working directory.
 *
 * @throws HidiffError `file.read`
 */
export async function readModelFile(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
}
