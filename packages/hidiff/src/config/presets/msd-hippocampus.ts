import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Slices are about 35×50 pixels, so that crops of 64 hold them whole. */
export const msdHippocampus: Preset = {
  summary: "MSD Hippocampus, two parts of it in MRI, with the paper's networks",
  time: paperTime,
  configuration: {
    dataset: { name: "msd" },
    training: { ...paperTraining, microBatchSize: 16, cropSize: 64 },
    inference: { window: 64 },
  },
};
