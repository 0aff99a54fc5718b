import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Slices are cropped to 224×224 and resized to 256×256. */
export const brats2021: Preset = {
  summary: "BraTS 2021, brain tumours in MRI: the paper's training",
  time: paperTime,
  configuration: { dataset: { name: "brats2021" }, training: paperTraining, inference: { window: 256 } },
};
