import { drawFundusFiles } from "./fundus-files.ts";
import { type LayoutOptions, padded, type PlannedFile, rememberLast } from "./planned-file.ts";
import { writeBitPng, writeJpeg } from "./raster-files.ts";

/** CHASE_DB1's width and height; `size` is the width. */
export function chaseSize(size: number): readonly [width: number, height: number] {
  return [size, Math.round((size * 960) / 999)];
}

/** CHASE_DB1: `Image_01L.jpg`, `Image_01L_1stHO.png`, `Image_01L_2ndHO.png`, `Image_01R.jpg`, … in one folder. */
export function planChaseDb1({ seed, size, train, validation, test }: LayoutOptions): PlannedFile[] {
  const [width, height] = chaseSize(size);
  const draw = rememberLast((id) => drawFundusFiles(seed, id, width, height));
  return Array.from({ length: train + validation + test }, (_, index) => {
    const id = `Image_${padded((index >> 1) + 1, 2)}${index % 2 === 0 ? "L" : "R"}`;
    return [
      { path: `${id}.jpg`, write: (path: string) => writeJpeg(path, draw(id).image, 95) },
      { path: `${id}_1stHO.png`, write: (path: string) => writeBitPng(path, draw(id).first, width, height) },
      { path: `${id}_2ndHO.png`, write: (path: string) => writeBitPng(path, draw(id).second, width, height) },
    ];
  }).flat();
}
