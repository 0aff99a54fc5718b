import { mkdir } from "node:fs/promises";
import { fileError, removeAbandoned } from "@hidiff/core-tensor/node";

/** Makes a folder if there is none, and removes what killed processes left behind in it. Throws HidiffError `file.write`. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", path, error);
  });
  await removeAbandoned(path);
}
