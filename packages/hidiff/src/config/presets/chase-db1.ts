import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Random crops in training, sliding windows for whole images. */
export const chaseDb1: Preset = {
  summary: "CHASE_DB1, retinal vessels: the paper's training",
  time: paperTime,
  configuration: { dataset: { name: "chase-db1" }, training: paperTraining, inference: { window: 256 } },
};
