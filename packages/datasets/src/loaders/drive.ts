import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { listFolder } from "../files/list-folder.ts";
import { type ValidationChoice, validationFrom } from "../splits/validation-from.ts";
import type { SegmentationDataset } from "../types.ts";
import { partner } from "./layout.ts";
import { type Photograph, photographDataset, photographPreprocessing } from "./photographs.ts";

export interface DriveOptions {
  /** How many training images (the last ones) serve as validation instead, or their ids. Default 0. */
  readonly validation?: ValidationChoice;
  /** Whose vessels are the truth of the test images: those of `1st_manual` (default) or `2nd_manual`. */
  readonly observer?: 1 | 2;
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
 * range. `load` rejects as that of {@link photographDataset}.
 */
export async function openDrive(root: string, options: DriveOptions = {}): Promise<SegmentationDataset> {
  const observer = options.observer ?? 1;
  if (observer !== 1 && observer !== 2) {
    throw new HidiffError("datasets.option", `openDrive: observer must be 1 or 2, got ${String(observer)}.`);
  }
  const training = await listSplit(root, "training", 1);
  const test = await listSplit(root, "test", observer);
  return photographDataset({
    name: "drive",
    photographs: [...training, ...test],
    classNames: ["vessel"],
    splits: {
      ...validationFrom("openDrive", training.map(({ id }) => id), options.validation ?? 0),
      test: test.map(({ id }) => id),
    },
    preprocessing: photographPreprocessing,
  });
}

/** The files of each image of a split, in order. */
async function listSplit(root: string, split: "training" | "test", observer: 1 | 2): Promise<Photograph[]> {
  const folders = {
    image: join(root, split, "images"),
    mask: join(root, split, observer === 1 ? "1st_manual" : "2nd_manual"),
    fieldOfView: join(root, split, "mask"),
  };
  const list = (folder: string): Promise<string[]> =>
    listFolder(folder, `a folder of DRIVE; give the one that holds "training" and "test" of the unpacked data set: ${layout}`);
  // One after the other, so that the first missing folder is the one that is named.
  const images = await list(folders.image);
  const masks = new Set(await list(folders.mask));
  const fieldsOfView = new Set(await list(folders.fieldOfView));
  const photographs: Photograph[] = [];
  for (const name of images) {
    const number = new RegExp(`^(\\d+)_${split}\\.tif$`).exec(name)?.[1];
    if (number === undefined) continue;
    const image = join(folders.image, name);
    photographs.push({
      id: name.slice(0, -".tif".length),
      image,
      mask: partner("openDrive", image, "vessel mask", folders.mask, masks, `${number}_manual${observer}.gif`),
      fieldOfView: partner("openDrive", image, "field-of-view mask", folders.fieldOfView, fieldsOfView, `${number}_${split}_mask.gif`),
    });
  }
  if (photographs.length === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openDrive: "${folders.image}" holds no image named like "21_${split}.tif". Expected DRIVE's own layout: ${layout}`,
    );
  }
  return photographs;
}
