import { mkdir } from "node:fs/promises";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { exists, fileError, removeAbandoned } from "@hidiff/core-tensor/node";

/** Makes a folder if there is none, and removes what killed processes left behind in it. Throws HidiffError `file.write`. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", path, error);
  });
  await removeAbandoned(path);
}

/** Throws HidiffError `cli.exists` if there is a file of that name. */
export async function requireNew(path: string): Promise<void> {
  if (await exists(path)) throw new HidiffError("cli.exists", `${path} is there already; give another name, or --force to replace it.`);
}
