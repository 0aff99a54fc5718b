import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { checkGroups } from "../splits/check.ts";
import { type ValidationChoice, validationFrom } from "../splits/validation-from.ts";
import type { SegmentationDataset } from "../types.ts";
import { observerOf } from "./photographs/observer.ts";
import { listFiles, partner, refuseStrays } from "./photographs/partners.ts";
import { type Photograph, photographDataset, photographPreprocessing } from "./photographs/photograph-dataset.ts";

export interface ChaseDb1Options {
  /** Whose vessels are the truth: those of the files `_1stHO` (default) or `_2ndHO`. */
  readonly observer?: 1 | 2;
  /** How many training images (the last ones) serve as validation instead, or their ids: both eyes of a child. Default 0. */
  readonly validation?: ValidationChoice;
  /**
   * How many images, the last ones, are the test images. Default 8 of all 28, which is the usual rule; of fewer images, as
   * near to that share as whole children allow.
   */
  readonly test?: number;
}

const layout = "Image_01L.jpg, Image_01L_1stHO.png, Image_01L_2ndHO.png, Image_01R.jpg, …";

/**
 * CHASE_DB1 (Fraz et al. 2012): retinal vessels in 28 images of 999×960 pixels, the left and right eyes of 14 children,
 * from its original files. In order of their names, the first 20 images are for training and the last 8 for testing. Ids
 * are the images' names without extension, such as `Image_01L`; groups are the children. There are no field-of-view masks.
 *
 * @param root the folder that holds the files
 * @throws `datasets.layout` for a missing folder or a file without its partner, `datasets.option` for options out of
 * range, `datasets.leak` for a choice that divides a child's eyes. `load` rejects as that of {@link photographDataset}.
 */
export async function openChaseDb1(root: string, options: ChaseDb1Options = {}): Promise<SegmentationDataset> {
  const observer = observerOf("openChaseDb1", options.observer);
  const files = await listFiles("openChaseDb1", root, `the folder of the unpacked CHASE_DB1 data set: ${layout}`);
  const suffix = observer === 1 ? "_1stHO" : "_2ndHO";
  const photographs: Photograph[] = [];
  for (const name of files.names) {
    const [, id, child] = /^(Image_(\d+)[LR])\.jpg$/i.exec(name) ?? [];
    if (id === undefined || child === undefined) continue;
    const image = join(root, name);
    photographs.push({ id, image, mask: partner("openChaseDb1", image, "vessel mask", files, `${id}${suffix}.png`), group: child });
  }
  if (photographs.length === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openChaseDb1: "${root}" holds no image named like "Image_01L.jpg". Expected CHASE_DB1's own layout: ${layout}`,
    );
  }
  const ids = photographs.map(({ id }) => id);
  const eyes = new Set(ids.map((id) => id.toLowerCase()));
  const strays = files.names.filter((name) => {
    const eye = /^(Image_\d+[LR])_(?:1st|2nd)HO\.png$/i.exec(name)?.[1];
    return eye !== undefined && !eyes.has(eye.toLowerCase());
  });
  refuseStrays("openChaseDb1", strays.map((name) => join(root, name)));
  const groups = new Map(photographs.map(({ id, group }) => [id, group!]));
  const test = options.test ?? usualTest([...groups.values()]);
  if (!Number.isInteger(test) || test < 0 || test >= ids.length) {
    throw new HidiffError(
      "datasets.option",
      `openChaseDb1: test must be an integer from 0 to ${ids.length - 1}, so that training images are left of the ${ids.length} in "${root}"; got ${test}.`,
    );
  }
  const splits = {
    ...validationFrom("openChaseDb1", ids.slice(0, ids.length - test), options.validation ?? 0),
    test: ids.slice(ids.length - test),
  };
  checkGroups("openChaseDb1", splits, groups);
  return photographDataset({
    name: "chase-db1",
    root,
    photographs,
    classNames: ["vessel"],
    splits,
    preprocessing: photographPreprocessing,
    notes: ids.length === 28 ? [] : [`The folder has ${ids.length} of CHASE_DB1's 28 images, so that its test images are not the usual ones.`],
  });
}

/** The number of images of the last 2/7 of the children, which are 8 of all 28. */
function usualTest(children: readonly string[]): number {
  const known = [...new Set(children)];
  const chosen = new Set(known.slice(known.length - Math.round((known.length * 2) / 7)));
  return children.filter((child) => chosen.has(child)).length;
}
