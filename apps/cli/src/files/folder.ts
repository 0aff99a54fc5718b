import { mkdir } from "node:fs/promises";
import { fileError } from "@hidiff/core-tensor/node";

/** Makes a folder if there is none. Throws HidiffError `file.write`. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", path, error);
  });
}
