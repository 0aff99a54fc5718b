import { basename, resolve } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { checkInside } from "../../files/inside.ts";
import type { Preprocessing } from "../../preprocessing/schema.ts";
import { isImagePath } from "../../raster/image-paths.ts";
import { readImage } from "../../raster/read-image.ts";
import { readLabels } from "../../raster/read-labels.ts";
import type { SegmentationDataset, SplitName } from "../../types.ts";
import { findCase } from "../find-case.ts";
import { type FolderCase, findCases } from "./cases.ts";
import { type FolderDescription, readDescription } from "./description.ts";
import { groupsOf, splitCases } from "./splits.ts";
import { casesOfPairs, channelsOf, readTable } from "./table.ts";
import { type FolderTarget, targetOf } from "./target.ts";
import { photographDataset, photographPreprocessing } from "../photographs/photograph-dataset.ts";
import { findReadable } from "../volume-cases/find-cases.ts";
import { keepFound } from "../volume-cases/case-lists.ts";
import { findVolumeCase, loadVolumeCase, type VolumeReading } from "../volume-cases/volume-case.ts";

export interface FolderDatasetOptions extends FolderDescription {
  /** Another file than `hidiff-dataset.yaml`: a path in the folder, or an absolute one. */
  readonly description?: string;
}

/** Volumes for a network: the usual range of what is not background to [0, 1]. */
const volumePreprocessing: Preprocessing = [{ step: "percentile", low: 0.5, high: 99.5, region: "nonzero", to: [0, 1] }];

/** What is common to both kinds. */
interface Folder {
  readonly root: string;
  readonly name: string;
  readonly description: FolderDescription;
  readonly cases: readonly FolderCase[];
  readonly channelNames: readonly string[] | undefined;
  readonly splits: Record<SplitName, readonly string[]>;
  readonly groups: ReadonlyMap<string, string> | undefined;
  readonly target: FolderTarget;
  readonly notes: readonly string[];
}

/**
 * A folder of the user's own: images or volumes with masks, of one class or many. `hidiff-dataset.yaml` in it, or options
 * of the same names, tell where things are (see {@link FolderDescription}); a folder `images` with a folder `masks` whose
 * files have the same names needs no description.
 *
 * @throws `config.invalid` and `datasets.description` for a wrong description, `datasets.layout` for missing folders and
 * files without partner, `datasets.table`, `datasets.labels` where the classes are not told, `datasets.path` for paths that
 * lead out of the folder, `datasets.overlap` and `datasets.leak` for splits that share cases or groups, `datasets.option`.
 * `load` rejects for unreadable files and those that do not fit together; the errors name the files.
 */
export async function openFolderDataset(root: string, options: FolderDatasetOptions = {}): Promise<SegmentationDataset> {
  const { description: file, ...fields } = options;
  const description = await readDescription(root, fields, file);
  const notes: string[] = [];
  const { cases, channelNames } = await listCases(root, description, (note) => notes.push(note));
  const kind = kindOf(cases);
  const groups = groupsOf(cases, description);
  const splits = await splitCases(root, cases, description, groups, (note) => notes.push(note));
  const target = await targetOf(root, cases, kind, description);
  const folder: Folder = { root, name: description.name ?? basename(resolve(root)), description, cases, channelNames, splits, groups, target, notes };
  return kind === "image" ? openImages(folder) : openVolumes(folder);
}

async function listCases(
  root: string,
  description: FolderDescription,
  onNote: (note: string) => void,
): Promise<{ cases: FolderCase[]; channelNames: readonly string[] | undefined }> {
  const { images, masks, table, pairs, maskSuffix, fieldsOfView, channels } = description;
  const forms = [images ?? masks ?? maskSuffix ?? fieldsOfView, table, pairs].filter((form) => form !== undefined);
  if (forms.length > 1 || (pairs !== undefined && channels !== undefined)) {
    throw new HidiffError(
      "datasets.description",
      "openFolderDataset: describe the cases in one way: folders (images, masks, maskSuffix, fieldsOfView, channels), or a table (with channels), or pairs.",
    );
  }
  if (table === undefined && pairs === undefined) {
    return { cases: await findCases(root, description, onNote), channelNames: channels === undefined ? undefined : Object.keys(channels) };
  }
  const given = pairs ?? (await readTable(root, description));
  return { cases: await casesOfPairs(root, given, description, onNote), channelNames: channelsOf(given) };
}

/** Whether the cases are image files or volumes. A folder is a DICOM series. */
function kindOf(cases: readonly FolderCase[]): "image" | "volume" {
  const files = cases.flatMap(({ images, mask }) => [...images, mask]);
  const image = files.find((path) => isImagePath(path));
  const volume = files.find((path) => !isImagePath(path));
  if (image !== undefined && volume !== undefined) {
    throw new HidiffError(
      "datasets.layout",
      `openFolderDataset: "${image}" is an image and "${volume}" a volume; a data set is of one kind. Choose by a pattern such as "images/*.png", ` +
        `or convert one kind.`,
    );
  }
  return image === undefined ? "volume" : "image";
}

async function openImages(folder: Folder): Promise<SegmentationDataset> {
  const { cases, description, target } = folder;
  if (folder.channelNames !== undefined) {
    throw new HidiffError(
      "datasets.description",
      `openFolderDataset: channels are for volumes in a file each; "${cases[0]!.images[0]!}" is an image, whose channels are in one file.`,
    );
  }
  return photographDataset({
    name: folder.name,
    root: folder.root,
    photographs: cases.map(({ id, images, mask, fieldOfView }) => {
      const group = folder.groups?.get(id);
      return { id, image: images[0]!, mask, ...(fieldOfView === undefined ? {} : { fieldOfView }), ...(group === undefined ? {} : { group }) };
    }),
    imageChannels: (await firstReadable(folder)).channels,
    classNames: target.classNames,
    splits: folder.splits,
    preprocessing: description.preprocessing ?? photographPreprocessing,
    readTarget: target.readTarget ?? ((path) => readLabels(path, { values: target.values })),
    notes: folder.notes,
  });
}

/** An image that can be read tells the number of channels; others are reported when they are loaded. */
async function firstReadable({ root, cases }: Folder): Promise<{ channels: number }> {
  let failure: unknown;
  for (const { images } of cases) {
    try {
      checkInside(root, images[0]!);
      return await readImage(images[0]!);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

async function openVolumes(folder: Folder): Promise<SegmentationDataset> {
  const { cases, description, target, channelNames } = folder;
  const withField = cases.find(({ fieldOfView }) => fieldOfView !== undefined);
  if (withField !== undefined) {
    throw new HidiffError("datasets.description", `openFolderDataset: fields of view are for images; "${withField.images[0]!}" is a volume.`);
  }
  const volumes = { plane: description.plane ?? "axial", outside: description.outside ?? 0 } as const;
  const files = new Map(cases.map(({ id, images, mask }) => [id, { id, images, labels: mask }]));
  const found = await findReadable([...files.keys()], description.badFiles ?? "error", (id) => findVolumeCase(folder.root, files.get(id)!, volumes.plane));
  const [first] = found.cases.values();
  if (first === undefined) throw new HidiffError("datasets.layout", `openFolderDataset: none of the ${cases.length} volumes can be read: ${found.notes[0]}`);
  const reading: VolumeReading = {
    ...volumes,
    channels: first.channels * first.files.images.length,
    labels: { values: target.values, remedy: "Correct the file, or describe all its classes in hidiff-dataset.yaml." },
  };
  const notes = [...folder.notes, ...found.notes];
  return {
    name: folder.name,
    imageChannels: reading.channels,
    ...(channelNames === undefined ? {} : { channelNames }),
    classes: target.classNames.length,
    classNames: target.classNames,
    splits: keepFound(folder.splits, found.cases),
    ...(folder.groups === undefined ? {} : { groups: folder.groups }),
    ...(notes.length === 0 ? {} : { notes }),
    preprocessing: description.preprocessing ?? volumePreprocessing,
    volumes,
    depthOf: (id) => findCase(folder.name, found.cases, id).depth,
    load: async (id) => loadVolumeCase(findCase(folder.name, found.cases, id).files, reading),
  };
}
