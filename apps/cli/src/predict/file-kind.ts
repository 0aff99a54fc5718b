import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "@hidiff/core-tensor/node";
import { isImagePath, isVolumePath } from "@hidiff/datasets";

/** What a path holds: by its name, and of other names by its content. */
type FileKind = "picture" | "volume" | "dicom file" | "dicom series" | "other";

export async function kindOf(path: string): Promise<FileKind> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory() === true) return (await hasDicomFile(path)) ? "dicom series" : "other";
  if (isVolumePath(path)) return "volume";
  if (isImagePath(path)) return "picture";
  return status?.isFile() === true && (await isDicomFile(path)) ? "dicom file" : "other";
}

/** The DICOM images in a folder, whatever their names, in the order of these. */
export async function dicomFilesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await listFolder(folder)) if (await isDicomFile(join(folder, name))) found.push(join(folder, name));
  return found;
}

async function hasDicomFile(folder: string): Promise<boolean> {
  for (const name of await listFolder(folder)) if (await isDicomFile(join(folder, name))) return true;
  return false;
}

/** What a folder holds, in alphabetical order, without hidden entries. Throws HidiffError `file.read`. */
export async function listFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError("read", folder, error);
  });
  return names.filter((name) => !name.startsWith(".")).sort();
}

export function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}

/** Segmentation Storage: masks, such as this command writes. */
const segmentationClass = "1.2.840.10008.5.1.4.1.1.66.4";

/** DICOM files have "DICM" behind 128 bytes, and then the class of what they hold. */
async function isDicomFile(path: string): Promise<boolean> {
  if (!(await isFile(path))) return false;
  const file = await open(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(256), 0, 256, 128);
    const start = buffer.toString("latin1", 0, bytesRead);
    return start.startsWith("DICM") && !start.includes(segmentationClass);
  } finally {
    await file.close();
  }
}
