import { HidiffError } from "@hidiff/core-tensor/errors";
import { checkInside } from "../../files/inside.ts";
import type { Preprocessing } from "../../preprocessing/schema.ts";
import { readImage } from "../../raster/read-image.ts";
import { type RasterMask, readMask } from "../../raster/read-mask.ts";
import { imageStack, labelStack } from "../../raster/stacks.ts";
import type { RasterImage, SegmentationDataset, SplitName } from "../../types.ts";
import { findCase } from "../find-case.ts";

/** The files of a case. */
export interface Photograph {
  readonly id: string;
  readonly image: string;
  readonly mask: string;
  readonly fieldOfView?: string;
  /** The patient or sequence that the image belongs to. */
  readonly group?: string;
}

interface PhotographsOptions {
  readonly name: string;
  /** The data set's folder: links that lead out of it are not read. */
  readonly root: string;
  readonly photographs: readonly Photograph[];
  readonly splits: Readonly<Record<SplitName, readonly string[]>>;
  /** One name for a binary task, else one a class, the background first. */
  readonly classNames: readonly string[];
  /** Default 3, RGB. */
  readonly imageChannels?: number;
  readonly preprocessing: Preprocessing;
  /** How a mask is read; default: foreground above 127. */
  readonly readTarget?: (path: string) => Promise<RasterMask>;
  /** What the user should know of the files. */
  readonly notes?: readonly string[];
}

/** Photographs for a network: values of the stored type's range to [-1, 1]. */
export const photographPreprocessing: Preprocessing = [{ step: "scale", from: "range", to: [-1, 1] }];

/** As the paper prepares polyps: scaled to [-1, 1] and resized to 256×256 pixels. */
export const polypPreprocessing: Preprocessing = [
  ...photographPreprocessing,
  { step: "resize", height: 256, width: 256, image: "cubic" },
];

/**
 * A data set of image files with masks.
 *
 * Its `load` rejects with `datasets.id` for an unknown id, `datasets.path` for links out of the data set, `file.read` or `datasets.image` for an unreadable file,
 * `datasets.channels` for an image of another kind than the data set's, `datasets.size` for a mask of another size than its
 * image, `datasets.mask` for what is no mask (see {@link readMask}) and an empty field of view; all but the first name the
 * files.
 */
export function photographDataset(options: PhotographsOptions): SegmentationDataset {
  const { name, root, photographs, classNames, splits, preprocessing, notes = [] } = options;
  const channels = options.imageChannels ?? 3;
  const readTarget = options.readTarget ?? readMask;
  const files = new Map(photographs.map((photograph) => [photograph.id, photograph]));
  const groups = new Map(photographs.flatMap(({ id, group }) => (group === undefined ? [] : [[id, group] as const])));
  return {
    name,
    imageChannels: channels,
    classes: classNames.length,
    classNames,
    splits,
    ...(groups.size === 0 ? {} : { groups }),
    ...(notes.length === 0 ? {} : { notes }),
    preprocessing,
    depthOf: (id) => {
      findCase(name, files, id);
      return 1;
    },
    load: async (id) => {
      const found = findCase(name, files, id);
      for (const path of [found.image, found.mask, found.fieldOfView]) if (path !== undefined) checkInside(root, path);
      const [image, mask, fieldOfView] = await Promise.all([
        readImage(found.image),
        readTarget(found.mask),
        found.fieldOfView === undefined ? undefined : readMask(found.fieldOfView),
      ]);
      if (image.channels !== channels) {
        throw new HidiffError(
          "datasets.channels",
          `load: "${found.image}" has ${image.channels} channels; expected ${channels === 3 ? "an RGB image (3)" : channels}. ` +
            `Convert it, so that all images of the data set are of one kind.`,
        );
      }
      checkSize(found.image, image, found.mask, mask);
      if (fieldOfView !== undefined) {
        checkSize(found.image, image, found.fieldOfView!, fieldOfView);
        checkNotEmpty(found.fieldOfView!, fieldOfView);
      }
      return {
        id,
        image: imageStack(image),
        labels: labelStack(mask),
        ...(fieldOfView === undefined ? {} : { fieldOfView: labelStack(fieldOfView) }),
      };
    },
  };
}

function checkSize(imagePath: string, image: RasterImage, maskPath: string, mask: RasterImage): void {
  if (mask.width === image.width && mask.height === image.height) return;
  throw new HidiffError(
    "datasets.size",
    `load: the mask "${maskPath}" is ${mask.width}×${mask.height} but its image "${imagePath}" is ` +
      `${image.width}×${image.height} pixels (width×height). Replace one of them by the original file.`,
  );
}

function checkNotEmpty(path: string, fieldOfView: RasterMask): void {
  if (fieldOfView.data.includes(1)) return;
  throw new HidiffError("datasets.mask", `load: the field-of-view mask "${path}" is empty, so that no pixel would be scored. Restore the original file.`);
}
