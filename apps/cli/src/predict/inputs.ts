import { realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { imageExtensions, isImagePath, isVolumePath, volumeExtensions } from "@hidiff/datasets";
import { glob, isDynamicPattern } from "tinyglobby";
import { isFile, kindOf, listFolder } from "./file-kind.ts";
import { Records } from "./records.ts";

/** A file to segment, or the folder of a DICOM series. */
export interface FoundPath {
  readonly path: string;
  /** Whether it was found in a folder, not named by itself. */
  readonly listed: boolean;
}

/**
 * The images and volumes that paths, folders (what they hold themselves) and patterns name, each once, in the order given.
 * A folder of DICOM files is one volume, and so is each such folder in a folder.
 *
 * @param out the folder of the results: what this command wrote there is no input, unless it is named by itself
 * @throws HidiffError `cli.inputs` where one names nothing
 */
export async function findInputs(inputs: readonly string[], out: string): Promise<FoundPath[]> {
  const paths = new Map<string, FoundPath>();
  for (const input of inputs) {
    for (const found of await expand(input, out)) if (!paths.has(resolve(found.path))) paths.set(resolve(found.path), found);
  }
  return [...paths.values()];
}

async function expand(input: string, out: string): Promise<FoundPath[]> {
  const status = await stat(input).catch(() => undefined);
  if (status?.isFile() === true) return [{ path: input, listed: false }];
  if (status?.isDirectory() === true) return expandFolder(input, out);
  if (isDynamicPattern(input)) {
    const matches = await glob(input.replaceAll("\\", "/"), { expandDirectories: false, absolute: isAbsolute(input) });
    if (matches.length === 0) throw new HidiffError("cli.inputs", `No file matches ${input}, seen from ${process.cwd()}. In patterns, * stands for a part of a name and ** for folders.`);
    const found = await withoutOwn(matches.sort(), out);
    if (found.length === 0) throw onlyOwn(input);
    return found.map((path) => ({ path, listed: false }));
  }
  throw new HidiffError("cli.inputs", `There is no file or folder ${input}.`);
}

async function expandFolder(folder: string, out: string): Promise<FoundPath[]> {
  const all = (await listFolder(folder)).map((name) => join(folder, name));
  const entries = await withoutOwn(all, out);
  const files = entries.filter((path) => isImagePath(path) || isVolumePath(path));
  const images = (await Promise.all(files.map(isFile))).flatMap((yes, index) => (yes ? [{ path: files[index]!, listed: true }] : []));
  if (images.length > 0) return images;
  if ((await kindOf(folder)) === "dicom series") return [{ path: folder, listed: false }];
  const kinds = await Promise.all(entries.map(kindOf));
  const series = entries.flatMap((path, index) => (kinds[index] === "dicom series" ? [{ path, listed: true }] : []));
  if (series.length > 0) return series;
  if (entries.length < all.length) throw onlyOwn(folder);
  throw new HidiffError(
    "cli.inputs",
    `The folder ${folder} has no image (${imageExtensions.join(", ")}), no volume (${volumeExtensions.join(", ")}) and no DICOM series. ` +
      `For those in folders below it give a pattern, such as '${join(folder, "**", "*.nii.gz")}'.`,
  );
}

/**
 * Leaves out what lies in the folder of the results and was written by this command. Its records are read after the paths
 * were listed: whatever was listed is recorded by then, also where another process writes at the same time.
 */
async function withoutOwn(paths: readonly string[], out: string): Promise<string[]> {
  const place = await realpath(out).catch(() => undefined);
  if (place === undefined) return [...paths];
  const folders = new Map<string, string>();
  for (const folder of new Set(paths.map(dirname))) folders.set(folder, await realpath(folder).catch(() => folder));
  if (![...folders.values()].includes(place)) return [...paths];
  const own = (await Records.read(out)).files();
  return paths.filter((path) => folders.get(dirname(path)) !== place || !own.has(basename(path)));
}

function onlyOwn(input: string): HidiffError {
  return new HidiffError("cli.inputs", `${input} has nothing but what hidiff predict wrote itself; give images, or name a file by itself.`);
}
