import type { ImageStack } from "@hidiff/datasets";
import { writeDicomSegmentation, writeLabelVolume, writeMapVolume, writePng } from "@hidiff/datasets/node";
import { type BundleManifest, classColour, labelStackOf, type StackSegmentation } from "hidiff";
import { parseColour } from "../pictures/colour.ts";
import { displayPicture } from "../pictures/display.ts";
import { greyPicture, largestVariance, maskPicture } from "../pictures/maps.ts";
import { overlayPicture } from "../pictures/overlay.ts";
import { fullestSlice } from "../pictures/slices.ts";
import { ownVersion } from "../versions.ts";
import { uniqueNames } from "./cases.ts";
import type { VolumeFormat } from "./formats.ts";
import type { ReadCase, ReadVolumeCase } from "./read-case.ts";
import { modelChecksum } from "./settings.ts";

export interface ResultOptions {
  readonly overlay?: boolean;
  readonly probability?: boolean;
  readonly uncertainty?: boolean;
  /** Of volumes; default: the input's own. */
  readonly format?: VolumeFormat;
}

/** A file that is to be written of a case. */
export interface PlannedFile {
  readonly name: string;
  write(path: string, segmentation: StackSegmentation): Promise<void>;
}

/**
 * The masks, maps and pictures that a case gets: PNG for an image, a DICOM Segmentation for DICOM files, and for a volume
 * its own format, on its own grid. The mask comes first.
 */
export function planResults(name: string, found: ReadCase, manifest: BundleManifest, options: ResultOptions): PlannedFile[] {
  const { image, volume, dicom } = found;
  const extension = volume === undefined ? "png" : (options.format ?? ownFormat(volume));
  const maskExtension = dicom !== undefined && (volume === undefined || options.format === undefined) ? "dcm" : extension;
  const files: PlannedFile[] = [{ name: `${name}_mask.${maskExtension}`, write: (path, segmentation) => writeMask(path, found, segmentation, manifest) }];
  if (options.overlay === true) {
    files.push({ name: `${name}_overlay.png`, write: (path, segmentation) => writePng(path, overlay(image, segmentation, manifest)) });
  }
  for (const [kind, isAsked, white] of [["probability", options.probability, 1], ["uncertainty", options.uncertainty, largestVariance]] as const) {
    if (isAsked !== true) continue;
    for (const { suffix, channel } of foregroundChannels(manifest)) {
      files.push({
        name: `${name}_${kind}${suffix}.${extension}`,
        write: (path, segmentation) => {
          const map = segmentation[kind]!;
          if (volume !== undefined) return writeMapVolume(path, volume.oriented.restoreMap(oneChannel(map, channel)), volume.like);
          return writePng(path, greyPicture(map.slice(0), map, { channels: map.channels, channel, white }));
        },
      });
    }
  }
  return files;
}

function ownFormat({ like }: ReadVolumeCase): VolumeFormat {
  return like.format === "nrrd" ? "nrrd" : like.format === "meta" ? "mha" : "nii.gz";
}

async function writeMask(path: string, { image, volume, dicom }: ReadCase, segmentation: StackSegmentation, manifest: BundleManifest): Promise<void> {
  const { labels, classes } = segmentation;
  const stored = volume === undefined ? labels : volume.oriented.restore(labelStackOf(labels, segmentation));
  if (dicom !== undefined && path.endsWith(".dcm")) {
    const source = volume?.like ?? { path: dicom.instances[0]!.path, shape: [1, image.height, image.width] as const };
    await writeDicomSegmentation(path, stored, { ...source, dicom }, {
      segments: foregroundClasses(manifest),
      algorithm: `hidiff ${manifest.name}`,
      version: ownVersion,
      serialNumber: modelChecksum(manifest).slice(0, 16),
    });
  } else if (volume !== undefined) await writeLabelVolume(path, stored, volume.like);
  else await writePng(path, maskPicture(labels, segmentation, classes));
}

/** What distinguishes the files of the foreground classes, and where a class is in maps. */
function foregroundChannels(manifest: BundleManifest): { suffix: string; channel: number }[] {
  if (manifest.architecture.classes === 1) return [{ suffix: "", channel: 0 }];
  const classes = foregroundClasses(manifest);
  const names = uniqueNames(classes.map(({ name }) => name.replaceAll(/[^\p{L}\p{N}_-]+/gu, "-")));
  return classes.map(({ label }, index) => ({ suffix: `_${names[index]!}`, channel: label }));
}

/** Every class that a mask can hold, also those that the manifest does not name. */
function foregroundClasses({ architecture, classes }: BundleManifest): BundleManifest["classes"] {
  return Array.from({ length: Math.max(1, architecture.classes - 1) }, (_, index) => {
    const label = index + 1;
    return classes.find((entry) => entry.label === label) ?? { label, name: String(label), colour: classColour(label) };
  });
}

function oneChannel(map: ImageStack, channel: number): ImageStack {
  const { depth, height, width, channels, spacing, outside } = map;
  const slice = (index: number): Float32Array => {
    const values = map.slice(index);
    return Float32Array.from({ length: height * width }, (_, pixel) => values[pixel * channels + channel]!);
  };
  return { depth, height, width, channels: 1, spacing, outside: [outside[channel]!], slice };
}

/** The mask on the image; of a volume the slice that has the most of it. */
function overlay(image: ImageStack, segmentation: StackSegmentation, manifest: BundleManifest): ReturnType<typeof overlayPicture> {
  const index = fullestSlice(labelStackOf(segmentation.labels, segmentation));
  const size = image.height * image.width;
  const colours = new Map(foregroundClasses(manifest).map(({ label, colour }) => [label, parseColour(colour)]));
  return overlayPicture(displayPicture(image.slice(index), image), segmentation.labels.subarray(index * size, (index + 1) * size), colours);
}
