import { basename, dirname, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { isFolder } from "../../files/is-folder.ts";
import { resolveInside } from "../../files/inside.ts";
import { listFolder } from "../../files/list-folder.ts";
import { isImagePath } from "../../raster/image-paths.ts";
import { firstFew } from "../../splits/check.ts";
import { isVolumePath } from "../../volumes/volume-paths.ts";
import type { FolderDescription } from "./description.ts";

/** The files of a case, as full paths. */
export interface FolderCase {
  readonly id: string;
  /** One, or one a channel. */
  readonly images: readonly string[];
  readonly mask: string;
  readonly fieldOfView?: string;
  /** As a table or list of pairs has it. */
  readonly split?: string;
  readonly group?: string;
}

/** A file's name without folder and extension. Names of folders, such as a DICOM series' number, have none. */
export function stem(path: string): string {
  const name = basename(path);
  return isImagePath(name) || isVolumePath(name) ? name.replace(/\.(nii\.gz|[^.]+)$/i, "") : name;
}

/** A relative path without extension. */
export function pathStem(path: string): string {
  const folder = dirname(path);
  return folder === "." ? stem(path) : `${folder}/${stem(path)}`;
}

const expected =
  'a folder "images" and a folder "masks" with files of the same names, or a hidiff-dataset.yaml that tells where they are ' +
  "(images and masks, table, or pairs)";

/**
 * The cases of a folder of images and a folder of masks, in order of their ids.
 *
 * @throws `datasets.layout` for a missing folder, two files of one id, and, unless `unmatched` is `skip`, for images
 * without mask and masks without image, of which it names the first; `datasets.path` for a path outside of `root`
 */
export async function findCases(root: string, description: FolderDescription, onNote: (note: string) => void): Promise<FolderCase[]> {
  const { images, masks } = await sources(root, description);
  const { maskSuffix = "", channels, fieldsOfView } = description;
  const suffixes = channels === undefined ? [""] : Object.values(channels);
  source(images); // a wrong pattern comes before missing folders
  const taken = new Set([masks, ...(fieldsOfView === undefined ? [] : [fieldsOfView])].map((text) => resolveInside(root, source(text).folder)));
  const maskFiles = await listSource(root, masks, maskSuffix, new Set());
  const fieldFiles = fieldsOfView === undefined ? undefined : await listSource(root, fieldsOfView, "", new Set());
  // Where images and masks share a folder, a mask is no image.
  const notImages = new Set([...maskFiles.values(), ...(fieldFiles?.values() ?? []), ...taken]);
  const channelFiles: Map<string, string>[] = [];
  for (const suffix of suffixes) channelFiles.push(await listSource(root, images, suffix, notImages));
  const ids = [...new Set(channelFiles.flatMap((files) => [...files.keys()]))].sort();
  if (ids.length === 0) {
    const named = channels === undefined ? "" : " with the names of the channels";
    throw new HidiffError("datasets.layout", `openFolderDataset: "${join(root, images)}" holds no image or volume${named}. Expected ${expected}.`);
  }
  const problems: string[] = [];
  const complete: FolderCase[] = [];
  const lacking = { mask: [] as string[], channel: [] as string[], fieldOfView: [] as string[] };
  for (const id of ids) {
    const paths = channelFiles.map((files) => files.get(id));
    const present = paths.filter((path) => path !== undefined);
    const mask = maskFiles.get(id);
    const fieldOfView = fieldFiles?.get(id);
    if (present.length < paths.length) lacking.channel.push(present[0]!);
    else if (mask === undefined) lacking.mask.push(present[0]!);
    else if (fieldFiles !== undefined && fieldOfView === undefined) lacking.fieldOfView.push(present[0]!);
    else complete.push({ id, images: present, mask, ...(fieldOfView === undefined ? {} : { fieldOfView }) });
  }
  const strays = [...maskFiles].filter(([id]) => channelFiles.every((files) => !files.has(id))).map(([, path]) => path);
  note(problems, lacking.mask, "image", "has no mask", "have no mask");
  note(problems, lacking.channel, "case", "lacks a channel", "lack a channel");
  note(problems, lacking.fieldOfView, "image", "has no field-of-view mask", "have no field-of-view mask");
  note(problems, strays, "mask", "has no image", "have no image");
  settle(root, problems, complete.length, description, onNote);
  return complete;
}

function note(problems: string[], paths: readonly string[], noun: string, one: string, many: string): void {
  if (paths.length === 0) return;
  problems.push(`${paths.length === 1 ? `1 ${noun} ${one}` : `${paths.length} ${noun}s ${many}`} (${firstFew(paths.map((path) => `"${path}"`))})`);
}

/** Throws for unmatched files, or notes them where they are to be skipped and something is left. */
export function settle(
  root: string,
  problems: readonly string[],
  complete: number,
  description: FolderDescription,
  onNote: (note: string) => void,
): void {
  if (problems.length === 0) return;
  if (description.unmatched === "skip" && complete > 0) {
    onNote(`Left out: ${problems.join("; ")}.`);
    return;
  }
  throw new HidiffError(
    "datasets.layout",
    `openFolderDataset: in "${root}" ${problems.join("; ")}. ` +
      (complete === 0
        ? "No case is left. Masks are found by the names of their images: tell what differs in hidiff-dataset.yaml (maskSuffix, or patterns " +
          'such as "masks/*_mask.png").'
        : 'Restore the files, or set "unmatched" to "skip" to leave these out.'),
  );
}

/** Where the images and masks are: as described, else in the folders with the usual names. */
async function sources(root: string, { images, masks }: FolderDescription): Promise<{ images: string; masks: string }> {
  const names = new Set(await listFolder(root, expected));
  const usual = names.has("imagesTr") && !names.has("images") ? { images: "imagesTr", masks: "labelsTr" } : { images: "images", masks: "masks" };
  return { images: images ?? usual.images, masks: masks ?? usual.masks };
}

/** A folder, and which of its file names count: all, or those that begin and end so. */
interface Source {
  readonly folder: string;
  readonly pattern?: { readonly start: string; readonly end: string };
}

function source(text: string): Source {
  const last = text.split(/[\\/]/).at(-1) ?? "";
  if (!text.includes("*")) return { folder: text };
  const parts = last.split("*");
  if (parts.length !== 2 || text.indexOf("*") < text.length - last.length) {
    throw new HidiffError(
      "datasets.description",
      `openFolderDataset: the pattern "${text}" must have one "*", in the file's name, which stands for the id: such as "scans/*_flair.nii.gz".`,
    );
  }
  return { folder: dirname(text), pattern: { start: parts[0]!, end: parts[1]! } };
}

/** The files of a source by id. Whether they are links that lead out of `root` is asked when they are read. */
async function listSource(root: string, text: string, suffix: string, except: ReadonlySet<string>): Promise<Map<string, string>> {
  const { folder, pattern } = source(text);
  const path = resolveInside(root, folder);
  const files = new Map<string, string>();
  for (const name of await listFolder(path, expected)) {
    const file = join(path, name);
    if (except.has(file)) continue;
    // Names from macOS have accents as characters of their own; an id has one form, whatever its files and lists have.
    const id = idOf(name, pattern, suffix)?.normalize("NFC");
    if (id === undefined || !(await isReadable(file, name))) continue;
    const other = files.get(id);
    if (other !== undefined) {
      throw new HidiffError(
        "datasets.layout",
        `openFolderDataset: "${other}" and "${file}" have the same id, "${id}". Rename one of them, or choose by a pattern such as "${folder}/*.png".`,
      );
    }
    files.set(id, file);
  }
  return files;
}

/** The id in a file's name; a suffix may have the extension with it or not. Patterns end alike in upper and lower case: .PNG as .png. */
function idOf(name: string, pattern: Source["pattern"], suffix: string): string | undefined {
  if (pattern !== undefined) {
    const { start, end } = pattern;
    if (name.length <= start.length + end.length || !name.startsWith(start) || !name.toLowerCase().endsWith(end.toLowerCase())) return undefined;
    const id = name.slice(start.length, name.length - end.length);
    return suffix === "" ? id : withoutSuffix(id, suffix);
  }
  if (suffix === "") return stem(name);
  return withoutSuffix(name, suffix) ?? withoutSuffix(stem(name), suffix);
}

function withoutSuffix(name: string, suffix: string): string | undefined {
  return name.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : undefined;
}

/** Whether a file can be an image: by its name, or because it is a folder, which may hold a DICOM series. */
async function isReadable(path: string, name: string): Promise<boolean> {
  if (name.startsWith(".")) return false;
  if (isImagePath(name) || isVolumePath(name)) return true;
  return isFolder(path);
}
