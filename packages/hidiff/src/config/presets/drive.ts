import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Random crops in training, sliding windows for whole images. */
export const drive: Preset = {
  summary: "DRIVE, retinal vessels: the paper's training",
  time: paperTime,
  configuration: { dataset: { name: "drive" }, training: paperTraining, inference: { window: 256 } },
};
