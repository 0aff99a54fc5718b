import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import { Generator } from "@hidiff/core-tensor/random";
import { stringify } from "yaml";
import { type DrawnPhotograph, filmColon } from "../endoscopy.ts";
import { type LayoutOptions, padded, type PlannedFile, rememberLast } from "./planned-file.ts";
import { maskPicture, writeGreyOrRgbPng } from "./raster-files.ts";

/** The picture of a case such as `colon-001`; `size` is its width. */
export function drawFolder(seed: number | string, id: string, size: number): DrawnPhotograph {
  return filmColon(new Generator(seed).split("folder").split(id)).frame(0, size, Math.round(size * 0.8));
}

/** A folder of one's own: `images/colon-001.png`, `masks/colon-001.png`, lists of the splits, and `hidiff-dataset.yaml`. */
export function planFolder({ seed, size, train, validation, test }: LayoutOptions): PlannedFile[] {
  const ids = Array.from({ length: train + validation + test }, (_, index) => `colon-${padded(index + 1, 3)}`);
  const draw = rememberLast((id) => drawFolder(seed, id, size));
  const lists = [
    ["train", 0, train],
    ["validation", train, train + validation],
    ["test", train + validation, ids.length],
  ] as const;
  const used = lists.filter(([, from, to]) => to > from);
  const description = {
    name: "synthetic-polyps",
    images: "images",
    masks: "masks",
    classes: { polyp: 255 },
    split: Object.fromEntries(used.map(([name]) => [name, `${name}.txt`])),
  };
  return [
    ...ids.flatMap((id) => [
      { path: `images/${id}.png`, write: (path: string) => writeGreyOrRgbPng(path, { ...draw(id), channels: 3, data: draw(id).image }) },
      { path: `masks/${id}.png`, write: (path: string) => writeGreyOrRgbPng(path, maskPicture(draw(id).mask, draw(id).width, draw(id).height)) },
    ]),
    ...used.map(([name, from, to]) => ({
      path: `${name}.txt`,
      write: (path: string) => writeFileAtomic(path, ids.slice(from, to).map((id) => `${id}\n`).join("")),
    })),
    { path: "hidiff-dataset.yaml", write: (path) => writeFileAtomic(path, stringify(description)) },
  ];
}
