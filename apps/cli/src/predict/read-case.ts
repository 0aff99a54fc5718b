import { HidiffError } from "@hidiff/core-tensor/errors";
import { type DicomSource, type ImageStack, imageStack, type OrientedVolume, orientVolume, stackChannels, type Volume, withOutside } from "@hidiff/datasets";
import { readDicomImage, readImage, readPrior, readVolume } from "@hidiff/datasets/node";
import type { BundleManifest } from "hidiff";
import type { PredictionCase } from "./cases.ts";
import { kindOf } from "./file-kind.ts";

/** A volume and the way from its slices back to the order of its file. */
export interface ReadVolumeCase {
  readonly like: Volume;
  readonly oriented: OrientedVolume;
}

/** What was read of a case. */
export interface ReadCase {
  readonly image: ImageStack;
  /** Undefined for images. */
  readonly volume: ReadVolumeCase | undefined;
  /** The files of DICOM that it was read from. */
  readonly dicom?: DicomSource | undefined;
  /** Of images: millimetres between rows, then between columns, where the file tells. */
  readonly pixelSpacing?: readonly number[] | undefined;
}

/**
 * Reads an image or a volume as those of the model's training were read.
 *
 * @throws HidiffError `cli.channels`, `cli.grid`, `cli.volume`, and those of reading
 */
export async function readCase({ paths }: PredictionCase, manifest: BundleManifest): Promise<ReadCase> {
  const parts: ReadCase[] = [];
  for (const path of paths) {
    const part = await readPart(path, manifest);
    if (parts.length > 0) requireSameGrid(parts[0]!, part, paths[0]!, path);
    parts.push(part);
  }
  const first = parts[0]!;
  const image = parts.length === 1 ? first.image : stackChannels(parts.map((part) => part.image));
  if (paths.length > 1) {
    for (const [index, part] of parts.entries()) {
      if (part.image.channels !== 1) throw new HidiffError("cli.channels", `${paths[index]} has ${part.image.channels} channels; expected one, as its name is that of one channel.`);
    }
  }
  requireChannels(manifest, image, first.volume !== undefined, paths[0]!);
  return { ...first, image };
}

async function readPart(path: string, manifest: BundleManifest): Promise<ReadCase> {
  const kind = await kindOf(path);
  const isVolume = kind === "volume" || kind === "dicom series" || (kind === "dicom file" && manifest.preprocessing.volumes !== undefined);
  return isVolume ? readVolumeCase(path, manifest) : readImageCase(path, kind === "dicom file", manifest);
}

/** Reads the prior of a case: another program's mask or probabilities, on the grid of its image. */
export function readCasePrior(path: string, { image, volume }: ReadCase, { architecture, preprocessing: { volumes } }: BundleManifest): Promise<ImageStack> {
  const cut = volume === undefined || volumes === undefined ? undefined : { header: volume.like, plane: volumes.plane };
  return readPrior(path, { image, classes: architecture.classes, volume: cut });
}

async function readImageCase(path: string, isDicom: boolean, { name, preprocessing: { volumes } }: BundleManifest): Promise<ReadCase> {
  if (volumes !== undefined) {
    throw new HidiffError(
      "cli.volume",
      `${path} is a picture, but the model ${name} was trained on ${volumes.plane} slices of volumes in the units of their files, which a picture does not have; ` +
        "give the volume itself, or use a model that was trained on pictures.",
    );
  }
  if (!isDicom) return { image: imageStack(await readImage(path)), volume: undefined };
  const { image, dicom } = await readDicomImage(path);
  return { image: imageStack(image), volume: undefined, dicom, pixelSpacing: dicom.pixelSpacing };
}

async function readVolumeCase(path: string, { name, preprocessing: { volumes } }: BundleManifest): Promise<ReadCase> {
  if (volumes === undefined) {
    throw new HidiffError(
      "cli.volume",
      `${path} is a volume, but the images that the model ${name} was trained on say nothing of how slices lie in the patient, so its masks could be wrong ` +
        "without a sign; use a model that was trained on volumes.",
    );
  }
  const like = await readVolume(path);
  const oriented = orientVolume(like, volumes.plane);
  return { image: withOutside(oriented.image, volumes.outside), volume: { like, oriented }, dicom: like.dicom };
}

/** How far grids may differ that are the same but for rounding, in millimetres or in direction cosines. */
const tolerance = 1e-3;

function requireSameGrid({ image, volume }: ReadCase, other: ReadCase, path: string, otherPath: string): void {
  const grid = ({ depth, height, width }: ImageStack): string => `${width}×${height}×${depth}`;
  const numbers = (found: ReadCase): number[] => {
    const geometry = found.volume?.like.geometry;
    return geometry === undefined ? [] : [...geometry.spacing, ...geometry.origin, ...geometry.direction];
  };
  const [own, others] = [numbers({ image, volume }), numbers(other)];
  const same = own.length === others.length && own.every((value, index) => Math.abs(value - others[index]!) <= tolerance);
  if (grid(image) === grid(other.image) && same) return;
  throw new HidiffError(
    "cli.grid",
    `${otherPath} (${grid(other.image)}) is not on the grid of ${path} (${grid(image)}), by size or by place; the channels of an image must be resampled to one grid first.`,
  );
}

const photographs: Readonly<Record<number, string>> = { 1: "grey (1 channel)", 3: "RGB (3 channels)" };

function requireChannels({ name, architecture, channelNames }: BundleManifest, image: ImageStack, isVolumeCase: boolean, path: string): void {
  const expected = architecture.imageChannels;
  if (image.channels === expected) return;
  const describe = (channels: number): string => (isVolumeCase ? undefined : photographs[channels]) ?? `${channels} channel${channels === 1 ? "" : "s"}`;
  const examples = (channelNames ?? ["0000", "0001"]).slice(0, 2).map((channel) => `CASE_${channel}`);
  const remedy =
    image.channels === 1 && expected > 1 && (isVolumeCase || channelNames !== undefined)
      ? `give a file with all ${channelNames === undefined ? "of them" : `of ${channelNames.join(", ")}`}, or one file a channel, named ${examples.join(", ")}, …`
      : "convert the image or use another model";
  const takes = isVolumeCase ? `takes ${describe(expected)}` : `takes images that are ${describe(expected)}`;
  throw new HidiffError("cli.channels", `${path} ${isVolumeCase ? "has" : "is"} ${describe(image.channels)}, but the model ${name} ${takes}; ${remedy}.`);
}
