import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { checkInside } from "../../files/inside.ts";
import { listFolder } from "../../files/list-folder.ts";
import type { SegmentationCase, VolumeSlicing } from "../../types.ts";
import { geometryDifference } from "../../volumes/geometry.ts";
import { orientVolume } from "../../volumes/orientation.ts";
import { orientGrid, type Plane } from "../../volumes/oriented-grid.ts";
import { readVolume, readVolumeHeader } from "../../volumes/read-volume.ts";
import { stackChannels } from "../../volumes/stack-channels.ts";
import { withOutside } from "../../volumes/with-outside.ts";
import { describeShape, type Volume } from "../../volumes/volume.ts";
import { checkLabelValues, distinctValues, type LabelValues, mapLabels } from "./label-values.ts";

/** The files of a case. */
export interface VolumeCaseFiles {
  readonly id: string;
  /** One volume a channel, or one of several channels. */
  readonly images: readonly string[];
  readonly labels: string;
}

/** How the volumes of a data set are read. */
export interface VolumeReading extends VolumeSlicing {
  /** How many channels a case has. */
  readonly channels: number;
  readonly labels: LabelValues;
}

/** The files of a case, none of which is a link that leads out of the data set. */
interface CheckedFiles extends VolumeCaseFiles {
  readonly root: string;
}

/** A case that is there, with what the header of its first image tells. */
export interface FoundVolumeCase {
  readonly files: CheckedFiles;
  /** The number of slices. */
  readonly depth: number;
  /** The channels of the first image alone. */
  readonly channels: number;
}

/**
 * The NIfTI files of a folder by their names without extension.
 *
 * @param expected what the folder should be, for the error
 */
export async function volumeFiles(folder: string, expected: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of await listFolder(folder, expected)) {
    const base = /^(.+?)\.nii(?:\.gz)?$/i.exec(name)?.[1];
    if (base === undefined) continue;
    const other = files.get(base);
    if (other !== undefined) {
      throw new HidiffError("datasets.layout", `open: "${other}" and "${join(folder, name)}" have the same name but for the extension. Remove one of them.`);
    }
    files.set(base, join(folder, name));
  }
  return files;
}

/**
 * Looks at the header of a case's first image.
 *
 * @param root the data set's folder
 * @throws `datasets.path` for links that lead out of it, and what `readVolumeHeader` throws
 */
export async function findVolumeCase(root: string, files: VolumeCaseFiles, plane: Plane): Promise<FoundVolumeCase> {
  for (const path of [...files.images, files.labels]) checkInside(root, path);
  const header = await readVolumeHeader(files.images[0]!);
  return { files: { ...files, root }, depth: orientGrid(header.shape, header.geometry, plane).depth, channels: header.channels };
}

/**
 * Reads a case. The arrays keep the files' types; slices and class numbers are computed when they are asked for.
 *
 * @throws `datasets.channels` for another number of channels than expected, `datasets.grid` where the images' voxels are not
 * in the same places, `datasets.labels` where those of the labels are not or label values are not expected, and what
 * `readVolume` throws; all name the files
 */
export async function loadVolumeCase(files: CheckedFiles, reading: VolumeReading): Promise<SegmentationCase> {
  for (const path of [...files.images, files.labels]) checkInside(files.root, path);
  const images: Volume[] = [];
  const channels = reading.channels / files.images.length;
  for (const path of files.images) {
    const image = await readVolume(path);
    if (image.channels !== channels) {
      throw new HidiffError(
        "datasets.channels",
        `load: "${path}" has ${image.channels} channels; expected ${channels}. Replace the file, or correct the description of the data set.`,
      );
    }
    checkSameGrid(images[0] ?? image, image);
    images.push(image);
  }
  const oriented = images.map((image) => orientVolume(image, reading.plane));
  const labelVolume = await readVolume(files.labels);
  const labels = oriented[0]!.labels(labelVolume);
  checkLabelValues(distinctValues(labelVolume.data, labelVolume.slope, labelVolume.intercept), reading.labels, files.labels);
  const stack = oriented.length === 1 ? oriented[0]!.image : stackChannels(oriented.map(({ image }) => image));
  return { id: files.id, image: withOutside(stack, reading.outside), labels: mapLabels(labels, reading.labels.values), volume: images[0]! };
}

/** How far grids may differ that are the same but for rounding, in millimetres or in direction cosines. */
const tolerance = 1e-3;

/** @throws `datasets.grid` that names both files */
function checkSameGrid(first: Volume, other: Volume): void {
  const difference =
    first.shape.join() === other.shape.join()
      ? geometryDifference(first.geometry, other.geometry, tolerance)
      : `it has ${describeShape(other.shape)} voxels instead of ${describeShape(first.shape)}`;
  if (difference === undefined) return;
  throw new HidiffError(
    "datasets.grid",
    `load: "${other.path}" is not on the grid of "${first.path}": ${difference}. Register the images of the case and resample them to one grid.`,
  );
}
