import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Random crops of images as large as they are. */
export const folderImages: Preset = {
  summary: "your own folder of images and masks, at the paper's size",
  time: paperTime,
  configuration: { dataset: { name: "folder" }, training: paperTraining, inference: { window: 256 } },
};
