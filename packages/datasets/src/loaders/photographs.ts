import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Preprocessing } from "../preprocessing/schema.ts";
import { readImage } from "../raster/read-image.ts";
import { type RasterMask, readMask } from "../raster/read-mask.ts";
import { imageStack, labelStack } from "../raster/stacks.ts";
import type { RasterImage, SegmentationDataset, SplitName } from "../types.ts";

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
  readonly photographs: readonly Photograph[];
  readonly splits: Readonly<Record<SplitName, readonly string[]>>;
  /** One name for a binary task, else one a class, the background first. */
  readonly classNames: readonly string[];
  /** Default 3, RGB. */
  readonly imageChannels?: number;
  readonly preprocessing: Preprocessing;
  /** How a mask is read; default: foreground above 127. */
  readonly readTarget?: (path: string) => Promise<RasterMask>;
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
 * Its `load` rejects with `datasets.id` for an unknown id, `file.read` or `datasets.image` for an unreadable file,
 * `datasets.channels` for an image of another kind than the data set's, and `datasets.size` for a mask of another size
 * than its image; the last three name the files.
 */
export function photographDataset(options: PhotographsOptions): SegmentationDataset {
  const { name, photographs, classNames, splits, preprocessing } = options;
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
    preprocessing,
    depthOf: (id) => {
      findCase(name, files, id);
      return 1;
    },
    load: async (id) => {
      const found = findCase(name, files, id);
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
      if (fieldOfView !== undefined) checkSize(found.image, image, found.fieldOfView!, fieldOfView);
      return {
        id,
        image: imageStack(image),
        labels: labelStack(mask),
        ...(fieldOfView === undefined ? {} : { fieldOfView: labelStack(fieldOfView) }),
      };
    },
  };
}

/** What a data set knows of a case. Throws `datasets.id` for an unknown one. */
export function findCase<T>(name: string, cases: ReadonlyMap<string, T>, id: string): T {
  const found = cases.get(id);
  if (found !== undefined) return found;
  const known = [...cases.keys()];
  throw new HidiffError(
    "datasets.id",
    `${name}: there is no case "${id}"; ids look like "${known[0]}"${known.length > 1 ? ` and "${known.at(-1)}"` : ""}.`,
  );
}

function checkSize(imagePath: string, image: RasterImage, maskPath: string, mask: RasterImage): void {
  if (mask.width === image.width && mask.height === image.height) return;
  throw new HidiffError(
    "datasets.size",
    `load: the mask "${maskPath}" is ${mask.width}×${mask.height} but its image "${imagePath}" is ` +
      `${image.width}×${image.height} pixels (width×height). Replace one of them by the original file.`,
  );
}
