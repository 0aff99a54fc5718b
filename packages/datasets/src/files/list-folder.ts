import { readdir } from "node:fs/promises";
import { HidiffError } from "@hidiff/core-tensor/errors";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "it is a file, not a folder",
  EACCES: "permission was denied",
  ELOOP: "it is a symbolic link in a circle",
};

/**
 * The names in a folder, sorted by their characters' codes. Hidden ones (those that begin with a dot, such as the
 * `._image.png` that macOS leaves beside images) and its `__MACOSX` are left out.
 *
 * @param expected what the folder should hold, for the error
 * @throws `datasets.layout` where the folder is missing or cannot be read
 */
export async function listFolder(path: string, expected: string = "a folder of the data set"): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.startsWith(".") && name !== "__MACOSX").sort();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new HidiffError(
      "datasets.layout",
      `listFolder: the folder "${path}" cannot be read: ${reasons[code ?? ""] ?? message}. Expected ${expected}; check the path, or unpack the data set again.`,
      { cause: error },
    );
  }
}
