import { open, readdir, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/node";
import { imageExtensions, isImagePath, isVolumePath, volumeExtensions } from "@hidiff/datasets";
import { glob, isDynamicPattern } from "tinyglobby";

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
 * @throws HidiffError `cli.inputs` where one names nothing
 */
export async function findInputs(inputs: readonly string[]): Promise<FoundPath[]> {
  const paths = new Map<string, FoundPath>();
  for (const input of inputs) {
    for (const found of await expand(input)) if (!paths.has(resolve(found.path))) paths.set(resolve(found.path), found);
  }
  return [...paths.values()];
}

async function expand(input: string): Promise<FoundPath[]> {
  const status = await stat(input).catch(() => undefined);
  if (status?.isFile() === true) return [{ path: input, listed: false }];
  if (status?.isDirectory() === true) return expandFolder(input);
  if (isDynamicPattern(input)) {
    const found = await glob(input.replaceAll("\\", "/"), { expandDirectories: false, absolute: isAbsolute(input) });
    if (found.length === 0) throw new HidiffError("cli.inputs", `No file matches ${input}.`);
    return found.sort().map((path) => ({ path, listed: false }));
  }
  throw new HidiffError("cli.inputs", `There is no file or folder ${input}.`);
}

async function expandFolder(folder: string): Promise<FoundPath[]> {
  const entries = (await listFolder(folder)).map((name) => join(folder, name));
  const files = entries.filter((path) => isImagePath(path) || isVolumePath(path));
  const own = (await Promise.all(files.map(isFile))).flatMap((yes, index) => (yes ? [{ path: files[index]!, listed: true }] : []));
  if (own.length > 0) return own;
  if (await isDicomFolder(folder)) return [{ path: folder, listed: false }];
  const series = (await Promise.all(entries.map(isDicomFolder))).flatMap((yes, index) => (yes ? [{ path: entries[index]!, listed: true }] : []));
  if (series.length > 0) return series;
  throw new HidiffError(
    "cli.inputs",
    `The folder ${folder} has no image (${imageExtensions.join(", ")}), no volume (${volumeExtensions.join(", ")}) and no DICOM series. ` +
      `For those in folders below it give a pattern, such as '${join(folder, "**", "*.nii.gz")}'.`,
  );
}

async function listFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError("read", folder, error);
  });
  return names.filter((name) => !name.startsWith(".")).sort();
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}

/** Whether a path is a volume: by its name, or because it is the folder of a DICOM series. */
export async function isVolume(path: string): Promise<boolean> {
  return isVolumePath(path) || (await isDicomFolder(path));
}

/** Whether a folder holds a DICOM file, whatever its name. */
async function isDicomFolder(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory() !== true) return false;
  for (const name of await listFolder(path)) if (await isDicomFile(join(path, name))) return true;
  return false;
}

/** DICOM files have "DICM" behind 128 bytes. */
async function isDicomFile(path: string): Promise<boolean> {
  if (!(await isFile(path))) return false;
  const file = await open(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 128);
    return bytesRead === 4 && buffer.toString("latin1") === "DICM";
  } finally {
    await file.close();
  }
}
