import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { readImage } from "../raster/read-image.ts";
import { readMask } from "../raster/read-mask.ts";
import type { RasterImage, SegmentationDataset } from "../types.ts";
import { binarySample } from "./binary-sample.ts";

export interface DriveOptions {
  /** How many training images (the last ones) serve as validation instead, or their ids. Default 0. */
  readonly validation?: number | readonly string[];
  /** Whose vessels are the truth of the test images: those of `1st_manual` (default) or `2nd_manual`. */
  readonly observer?: 1 | 2;
}

interface Files {
  readonly image: string;
  readonly mask: string;
  readonly fieldOfView: string;
}

const layout =
  "training/images/21_training.tif, training/1st_manual/21_manual1.gif, training/mask/21_training_mask.gif, " +
  "test/images/01_test.tif, test/1st_manual/01_manual1.gif, test/mask/01_test_mask.gif, …";

/**
 * DRIVE (Staal et al. 2004): retinal vessels in 20 training and 20 test images of 565×584 pixels, from its original
 * files. Ids are the images' names without extension: `21_training`, `01_test`.
 *
 * @param root the folder that holds `training` and `test`
 * @throws `datasets.layout` for a missing folder or a file without its partner, `datasets.option` for options out of
 * range. `load` rejects with `datasets.id` for an unknown id, `file.read` or `datasets.image` for an unreadable file,
 * `datasets.size` for a mask of another size than its image.
 */
export async function openDrive(root: string, options: DriveOptions = {}): Promise<SegmentationDataset> {
  const observer = options.observer ?? 1;
  if (observer !== 1 && observer !== 2) {
    throw new HidiffError("datasets.option", `openDrive: observer must be 1 or 2, got ${String(observer)}.`);
  }
  const training = await listSplit(root, "training", 1);
  const test = await listSplit(root, "test", observer);
  const files = new Map([...training, ...test]);
  const validation = chooseValidation([...training.keys()], options.validation ?? 0);
  return {
    name: "drive",
    imageChannels: 3,
    classes: 1,
    classNames: ["vessel"],
    splits: {
      train: [...training.keys()].filter((id) => !validation.includes(id)),
      validation,
      test: [...test.keys()],
    },
    load: async (id) => {
      const found = files.get(id);
      if (found === undefined) {
        throw new HidiffError("datasets.id", `drive: there is no sample "${id}"; ids look like "21_training" and "01_test".`);
      }
      const [image, mask, fieldOfView] = await Promise.all([
        readImage(found.image),
        readMask(found.mask),
        readMask(found.fieldOfView),
      ]);
      return binarySample(id, named(image, found.image), named(mask, found.mask), named(fieldOfView, found.fieldOfView));
    },
  };
}

function named<T extends RasterImage>(image: T, path: string): { path: string; image: T } {
  return { path, image };
}

/** The files of each id of a split, in order. */
async function listSplit(root: string, split: "training" | "test", observer: 1 | 2): Promise<Map<string, Files>> {
  const folders = {
    image: join(root, split, "images"),
    mask: join(root, split, observer === 1 ? "1st_manual" : "2nd_manual"),
    fieldOfView: join(root, split, "mask"),
  };
  // One after the other, so that the first missing folder is the one that is named.
  const images = await list(folders.image);
  const masks = await list(folders.mask);
  const fieldsOfView = await list(folders.fieldOfView);
  const files = new Map<string, Files>();
  for (const name of images) {
    const number = new RegExp(`^(\\d+)_${split}\\.tif$`).exec(name)?.[1];
    if (number === undefined) continue;
    const image = join(folders.image, name);
    files.set(name.slice(0, -".tif".length), {
      image,
      mask: partner(image, "vessel mask", folders.mask, masks, `${number}_manual${observer}.gif`),
      fieldOfView: partner(image, "field-of-view mask", folders.fieldOfView, fieldsOfView, `${number}_${split}_mask.gif`),
    });
  }
  if (files.size === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openDrive: "${folders.image}" holds no image named like "21_${split}.tif". Expected DRIVE's own layout: ${layout}`,
    );
  }
  return files;
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    throw new HidiffError(
      "datasets.layout",
      `openDrive: the folder "${folder}" cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}). ` +
        `Give the folder that holds "training" and "test" of the unpacked DRIVE data set: ${layout}`,
      { cause: error },
    );
  }
}

function partner(image: string, what: string, folder: string, names: readonly string[], name: string): string {
  if (names.includes(name)) return join(folder, name);
  throw new HidiffError(
    "datasets.layout",
    `openDrive: "${image}" has no ${what}: expected "${join(folder, name)}". Restore that file or remove the image.`,
  );
}

function chooseValidation(training: readonly string[], validation: number | readonly string[]): readonly string[] {
  if (typeof validation === "number") {
    if (!Number.isInteger(validation) || validation < 0 || validation >= training.length) {
      throw new HidiffError(
        "datasets.option",
        `openDrive: validation must be an integer from 0 to ${training.length - 1}, so that training images are left, ` +
          `or a list of ids; got ${validation}.`,
      );
    }
    return training.slice(training.length - validation);
  }
  for (const id of validation) {
    if (!training.includes(id)) {
      throw new HidiffError(
        "datasets.option",
        `openDrive: the validation id "${id}" is no training image; expected some of ${training.join(", ")}.`,
      );
    }
  }
  return [...validation];
}
