import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { Generator } from "@hidiff/core-tensor/random";
import { type DrawnPhotograph, filmColon } from "../endoscopy.ts";
import { type LayoutOptions, type PlannedFile, rememberLast } from "./planned-file.ts";
import { maskPicture, writeJpeg } from "./raster-files.ts";

/** Draws a picture whose width is within 20 % of `size`; its height differs, too. */
export function drawKvasirSeg(seed: number | string, id: string, size: number): DrawnPhotograph {
  const generator = new Generator(seed).split("kvasir-seg").split(id);
  const shape = generator.split("shape");
  const width = Math.round(size * shape.uniform(0.8, 1.2));
  return filmColon(generator).frame(0, width, Math.round(width * shape.uniform(0.76, 1)));
}

/** Kvasir-SEG: `images/cju….jpg` and `masks/cju….jpg`, with the lists `train.txt`, `val.txt` and `test.txt`. */
export function planKvasirSeg({ seed, size, train, validation, test }: LayoutOptions): PlannedFile[] {
  const names = new Generator(seed).split("kvasir-seg names");
  const ids = Array.from({ length: train + validation + test }, (_, index) => name(names.split(index)));
  const draw = rememberLast((id) => drawKvasirSeg(seed, id, size));
  const list = (path: string, from: number, to: number): PlannedFile => ({
    path,
    write: (file) => writeFileAtomic(file, ids.slice(from, to).map((id) => `${id}\n`).join("")),
  });
  return [
    ...ids.flatMap((id) => [
      { path: `images/${id}.jpg`, write: (path: string) => writeJpeg(path, { ...draw(id), channels: 3, data: draw(id).image }, 92) },
      { path: `masks/${id}.jpg`, write: (path: string) => writeJpeg(path, maskPicture(draw(id).mask, draw(id).width, draw(id).height), 90) },
    ]),
    list("train.txt", 0, train),
    list("val.txt", train, train + validation),
    list("test.txt", train + validation, ids.length),
  ];
}

/** `cju` and 22 characters, as the labelling tool of the original named its images. */
function name(generator: Generator): string {
  return `cju${Array.from({ length: 22 }, () => generator.integer(36).toString(36)).join("")}`;
}
