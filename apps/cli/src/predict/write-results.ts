import { join } from "node:path";
import type { ImageStack } from "@hidiff/datasets";
import { writeLabelVolume, writeMapVolume, writePng } from "@hidiff/datasets/node";
import { type BundleManifest, labelStackOf, type StackSegmentation } from "hidiff";
import { parseColour } from "../pictures/colour.ts";
import { displayPicture } from "../pictures/display.ts";
import { greyPicture, largestVariance, maskPicture } from "../pictures/maps.ts";
import { overlayPicture } from "../pictures/overlay.ts";
import { fullestSlice } from "../pictures/slices.ts";
import type { VolumeFormat } from "./formats.ts";
import type { ReadCase, ReadVolumeCase } from "./read-case.ts";

export interface ResultOptions {
  readonly out: string;
  readonly overlay?: boolean;
  readonly probability?: boolean;
  readonly uncertainty?: boolean;
  /** Of volumes; default: the input's own. */
  readonly format?: VolumeFormat;
}

/**
 * Writes the masks, maps and pictures of a case: PNG for an image, and for a volume its own format, on its own grid.
 *
 * @returns the files' names
 */
export async function writeResults(name: string, { image, volume }: ReadCase, segmentation: StackSegmentation, manifest: BundleManifest, options: ResultOptions): Promise<string[]> {
  const files: string[] = [];
  const save = async (suffix: string, extension: string, write: (path: string) => Promise<void>): Promise<void> => {
    const file = `${name}_${suffix}.${extension}`;
    await write(join(options.out, file));
    files.push(file);
  };
  const { labels, classes, probability, uncertainty } = segmentation;
  const extension = volume === undefined ? "png" : (options.format ?? ownFormat(volume));
  await save("mask", extension, (path) =>
    volume === undefined
      ? writePng(path, maskPicture(labels, segmentation, classes))
      : writeLabelVolume(path, volume.oriented.restore(labelStackOf(labels, segmentation)), volume.like),
  );
  if (options.overlay === true) await save("overlay", "png", (path) => writePng(path, overlay(image, segmentation, manifest)));
  const maps = [
    ["probability", options.probability === true ? probability : undefined, 1],
    ["uncertainty", options.uncertainty === true ? uncertainty : undefined, largestVariance],
  ] as const;
  for (const [kind, map, white] of maps) {
    if (map === undefined) continue;
    for (const { suffix, channel } of foregroundChannels(manifest, classes)) {
      await save(kind + suffix, extension, (path) =>
        volume === undefined
          ? writePng(path, greyPicture(map.slice(0), map, { channels: classes, channel, white }))
          : writeMapVolume(path, volume.oriented.restoreMap(oneChannel(map, channel)), volume.like),
      );
    }
  }
  return files;
}

function ownFormat({ like }: ReadVolumeCase): VolumeFormat {
  return like.format === "nrrd" ? "nrrd" : like.format === "meta" ? "mha" : "nii.gz";
}

/** What distinguishes the files of the foreground classes, and where a class is in maps. */
function foregroundChannels(manifest: BundleManifest, classes: number): { suffix: string; channel: number }[] {
  if (classes === 1) return [{ suffix: "", channel: 0 }];
  return manifest.classes.filter(({ label }) => label > 0).map(({ label, name }) => ({ suffix: `_${name.replaceAll(/[^\p{L}\p{N}_-]+/gu, "-")}`, channel: label }));
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
  const colours = new Map(manifest.classes.filter(({ label }) => label > 0).map(({ label, colour }) => [label, parseColour(colour)]));
  return overlayPicture(displayPicture(image.slice(index), image), segmentation.labels.subarray(index * size, (index + 1) * size), colours);
}
