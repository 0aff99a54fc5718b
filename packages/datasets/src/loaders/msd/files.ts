import { basename, join } from "node:path";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { z } from "zod";
import { parse } from "../../config/parse.ts";
import { exists } from "@hidiff/core-tensor/files-node";
import { isFolder } from "../../files/is-folder.ts";
import { checkInside, joinInside } from "../../files/inside.ts";
import { readWholeFile } from "../../files/read-file.ts";
import { firstFew } from "../../splits/check.ts";
import { type VolumeCaseFiles, volumeFiles } from "../volume-cases/volume-case.ts";

/** What the files of a Decathlon task tell. */
interface MsdTask {
  readonly name: string;
  /** The labelled cases by id: the image's name without extension. */
  readonly cases: ReadonlyMap<string, VolumeCaseFiles>;
  /** What the channels are, such as FLAIR, T1w; absent without `dataset.json`. */
  readonly modalities?: readonly string[];
  /** File value → name, in ascending order from 0; absent without `dataset.json`. */
  readonly labels?: ReadonlyMap<number, string>;
  readonly notes: readonly string[];
}

const numbered = z.record(z.string().regex(/^\d+$/, "expected numbers as keys"), z.string());

const descriptionSchema = z.object({
  name: z.string().optional(),
  modality: numbered,
  labels: numbered,
  training: z.array(z.object({ image: z.string(), label: z.string() })).min(1),
});

/** The task of a folder: what its `dataset.json` says, or its folders `imagesTr` and `labelsTr` alone. */
export async function readMsdTask(root: string): Promise<MsdTask> {
  const path = join(root, "dataset.json");
  if (await exists(root)) checkInside(root, path);
  return (await exists(path)) ? fromDescription(root, path, (await readWholeFile(path)).toString("utf8")) : fromFolders(root);
}

async function fromDescription(root: string, path: string, text: string): Promise<MsdTask> {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new HidiffError("datasets.description", `openMsd: "${path}" is not valid JSON (${String(error)}). Restore it from the data set's archive.`, {
      cause: error,
    });
  }
  const description = parse(descriptionSchema, json, `openMsd: "${path}"`);
  const labels = new Map(Object.entries(description.labels).map(([value, name]) => [Number(value), name] as const).sort(([a], [b]) => a - b));
  if (!labels.has(0) || labels.size < 2 || [...labels.keys()].some((value) => value > 255)) {
    throw new HidiffError(
      "datasets.description",
      `openMsd: "labels" in "${path}" must name the background 0 and at least one label up to 255; got ${[...labels.keys()].join(", ")}.`,
    );
  }
  const modalities = Object.entries(description.modality).sort(([a], [b]) => Number(a) - Number(b));
  const cases = new Map<string, VolumeCaseFiles>();
  for (const { image, label } of description.training) {
    if (basename(image).startsWith("._")) continue;
    const id = basename(image).replace(/\.nii(?:\.gz)?$/i, "");
    if (cases.has(id)) throw new HidiffError("datasets.description", `openMsd: "training" in "${path}" names the case "${id}" twice.`);
    cases.set(id, { id, images: [named(root, path, image)], labels: named(root, path, label) });
  }
  const present = (await isFolder(join(root, "imagesTr"))) ? await volumeFiles(join(root, "imagesTr"), "the training images") : new Map();
  const unlisted = [...present.keys()].filter((id) => !cases.has(id));
  const notes = unlisted.length === 0 ? [] : [`${unlisted.length} images in imagesTr are not named by dataset.json and not used: ${firstFew(unlisted)}.`];
  return { name: description.name ?? basename(root), cases, modalities: modalities.map(([, name]) => name), labels, notes };
}

/** The path of a file that a description names: inside of the root. It need not exist, as cases may be left out. */
function named(root: string, description: string, name: string): string {
  try {
    return joinInside(root, name);
  } catch (error) {
    if (!isHidiffError(error)) throw error;
    throw new HidiffError(error.code, `openMsd: "training" in "${description}" cannot be followed. ${error.message}`, { cause: error });
  }
}

async function fromFolders(root: string): Promise<MsdTask> {
  const folders = { images: join(root, "imagesTr"), labels: join(root, "labelsTr") };
  const expected = 'a Decathlon task with the folders "imagesTr" and "labelsTr", or a dataset.json';
  const images = await volumeFiles(folders.images, expected);
  const labels = await volumeFiles(folders.labels, expected);
  if (images.size === 0) {
    throw new HidiffError("datasets.layout", `openMsd: "${folders.images}" holds no volume; expected files like "hippocampus_001.nii.gz".`);
  }
  const cases = new Map<string, VolumeCaseFiles>();
  for (const [id, image] of images) cases.set(id, { id, images: [image], labels: labels.get(id) ?? join(folders.labels, basename(image)) });
  const alone = [...labels.keys()].filter((id) => !images.has(id));
  const notes = alone.length === 0 ? [] : [`${alone.length} files in "${folders.labels}" have no image and are not used: ${firstFew(alone)}.`];
  return { name: basename(root), cases, notes };
}

/** @throws `datasets.layout` that names the image and the label file that it lacks */
export async function checkFilesExist({ images, labels }: VolumeCaseFiles): Promise<void> {
  if (!(await exists(images[0]!))) {
    throw new HidiffError("datasets.layout", `openMsd: there is no image "${images[0]!}", which dataset.json names. Restore it or take it out.`);
  }
  if (!(await exists(labels))) {
    throw new HidiffError("datasets.layout", `openMsd: the image "${images[0]!}" has no label file: expected "${labels}". Restore it or remove the image.`);
  }
}
