import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { listFolder } from "../../files/list-folder.ts";
import { isImagePath } from "../../raster/image-paths.ts";
import { firstFew } from "../../splits/check.ts";

/** A folder of a published data set. Its file names are found however their letters are written: 1.TIF for 1.tif. */
export interface NamedFiles {
  readonly folder: string;
  /** In order. */
  readonly names: readonly string[];
  /** Lower-case name → name. */
  readonly byLowerCase: ReadonlyMap<string, string>;
}

/**
 * Lists a folder.
 *
 * @param expected what it should be, for the error
 * @throws `datasets.layout` for a missing folder, and for two names that differ by upper and lower case alone
 */
export async function listFiles(operation: string, folder: string, expected: string): Promise<NamedFiles> {
  const names = await listFolder(folder, expected);
  const byLowerCase = new Map<string, string>();
  for (const name of names) {
    const other = byLowerCase.get(name.toLowerCase());
    if (other !== undefined) {
      throw new HidiffError("datasets.layout", `${operation}: "${join(folder, other)}" and "${join(folder, name)}" are the same name. Remove one of them.`);
    }
    byLowerCase.set(name.toLowerCase(), name);
  }
  return { folder, names, byLowerCase };
}

/** The path of the file called `name`. Throws `datasets.layout` that names the image without it. */
export function partner(operation: string, image: string, what: string, files: NamedFiles, name: string): string {
  const found = files.byLowerCase.get(name.toLowerCase());
  if (found !== undefined) return join(files.folder, found);
  throw new HidiffError(
    "datasets.layout",
    `${operation}: "${image}" has no ${what}: expected "${join(files.folder, name)}". Restore that file or remove the image.`,
  );
}

/**
 * Checks that no masks are left over.
 *
 * @throws `datasets.layout` that counts the masks without image and names the first of them
 */
export function refuseStrays(operation: string, strays: readonly string[]): void {
  if (strays.length === 0) return;
  throw new HidiffError(
    "datasets.layout",
    `${operation}: ${strays.length === 1 ? "1 mask has" : `${strays.length} masks have`} no image: ` +
      `${firstFew(strays.map((path) => `"${path}"`))}. Restore the images or remove the masks.`,
  );
}

/** A note about image files of a folder that are not called as the data set calls its own, if there are any. */
export function unusedNote({ folder, names }: NamedFiles, isUsed: (name: string) => boolean, example: string): string[] {
  const unused = names.filter((name) => isImagePath(name) && !isUsed(name));
  if (unused.length === 0) return [];
  return [`${unused.length} image files in "${folder}" are not called like "${example}" and not used: ${firstFew(unused)}.`];
}
