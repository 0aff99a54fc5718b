import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { type ValidationChoice, validationFrom } from "../splits/validation-from.ts";
import type { SegmentationDataset } from "../types.ts";
import { observerOf } from "./photographs/observer.ts";
import { listFiles, type NamedFiles, partner, refuseStrays, unusedNote } from "./photographs/partners.ts";
import { type Photograph, photographDataset, photographPreprocessing } from "./photographs/photograph-dataset.ts";

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
  const observer = observerOf("openDrive", options.observer);
  const notes: string[] = [];
  const training = await listSplit(root, "training", 1, notes);
  const test = await listSplit(root, "test", observer, notes);
  return photographDataset({
    name: "drive",
    root,
    photographs: [...training, ...test],
    classNames: ["vessel"],
    splits: {
      ...validationFrom("openDrive", training.map(({ id }) => id), options.validation ?? 0),
      test: test.map(({ id }) => id),
    },
    preprocessing: photographPreprocessing,
    notes,
  });
}

/** DRIVE has as many images in either split. */
const publishedCount = 20;

/** The files of each image of a split, in order; what is odd about them goes to `notes`. */
async function listSplit(root: string, split: "training" | "test", observer: 1 | 2, notes: string[]): Promise<Photograph[]> {
  const folders = {
    image: join(root, split, "images"),
    mask: join(root, split, observer === 1 ? "1st_manual" : "2nd_manual"),
    fieldOfView: join(root, split, "mask"),
  };
  const list = (folder: string): Promise<NamedFiles> =>
    listFiles("openDrive", folder, `a folder of DRIVE; give the one that holds "training" and "test" of the unpacked data set: ${layout}`);
  // One after the other, so that the first missing folder is the one that is named.
  const images = await list(folders.image);
  const masks = await list(folders.mask);
  const fieldsOfView = await list(folders.fieldOfView);
  const imageName = new RegExp(`^(\\d+)_${split}\\.tiff?$`, "i");
  const photographs: Photograph[] = [];
  const numbers = new Set<string>();
  for (const name of images.names) {
    const number = imageName.exec(name)?.[1];
    if (number === undefined) continue;
    const image = join(folders.image, name);
    if (numbers.has(number)) throw new HidiffError("datasets.layout", `openDrive: "${folders.image}" holds the image ${number} twice. Remove one of its files.`);
    numbers.add(number);
    photographs.push({
      id: `${number}_${split}`,
      image,
      mask: partner("openDrive", image, "vessel mask", masks, `${number}_manual${observer}.gif`),
      fieldOfView: partner("openDrive", image, "field-of-view mask", fieldsOfView, `${number}_${split}_mask.gif`),
    });
  }
  if (photographs.length === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openDrive: "${folders.image}" holds no image named like "21_${split}.tif". Expected DRIVE's own layout: ${layout}`,
    );
  }
  const strays = masks.names.filter((name) => {
    const number = /^(\d+)_manual\d\.gif$/i.exec(name)?.[1];
    return number !== undefined && !numbers.has(number);
  });
  refuseStrays("openDrive", strays.map((name) => join(folders.mask, name)));
  notes.push(...unusedNote(images, (name) => imageName.test(name), `21_${split}.tif`));
  if (photographs.length !== publishedCount) notes.push(`The folder has ${photographs.length} of DRIVE's ${publishedCount} ${split} images.`);
  return photographs;
}
