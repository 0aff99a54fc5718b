import { drawFundusFiles } from "./fundus-files.ts";
import { type LayoutOptions, padded, type PlannedFile, rememberLast } from "./planned-file.ts";
import { maskPicture, writeGif, writeTiff } from "./raster-files.ts";

/** DRIVE's width and height; `size` is the width. */
export function driveSize(size: number): readonly [width: number, height: number] {
  return [size, Math.round((size * 584) / 565)];
}

/**
 * DRIVE: `training/images/21_training.tif` and so on, `test/images/01_test.tif` and so on, with vessels (of the test
 * images by two observers) and fields of view as GIF.
 */
export function planDrive({ seed, size, train, test }: LayoutOptions): PlannedFile[] {
  const [width, height] = driveSize(size);
  const draw = rememberLast((id) => drawFundusFiles(seed, id, width, height));
  const planMask = (path: string, id: string, what: "first" | "second" | "fieldOfView"): PlannedFile => ({
    path,
    write: (file) => writeGif(file, maskPicture(draw(id)[what], width, height)),
  });
  const plan = (split: "training" | "test", number: string): PlannedFile[] => {
    const id = `${number}_${split}`;
    const manual = (observer: 1 | 2): string => `${split}/${observer === 1 ? "1st" : "2nd"}_manual/${number}_manual${observer}.gif`;
    return [
      { path: `${split}/images/${id}.tif`, write: (path) => writeTiff(path, draw(id).image) },
      planMask(manual(1), id, "first"),
      ...(split === "test" ? [planMask(manual(2), id, "second")] : []),
      planMask(`${split}/mask/${id}_mask.gif`, id, "fieldOfView"),
    ];
  };
  return [
    ...Array.from({ length: train }, (_, index) => plan("training", padded(21 + index, 2))).flat(),
    ...Array.from({ length: test }, (_, index) => plan("test", padded(1 + index, 2))).flat(),
  ];
}
