import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** The paper tests on it only; the training is that of its other volumes. */
export const msd: Preset = {
  summary: "any task of the Medical Segmentation Decathlon, at the paper's size",
  time: paperTime,
  configuration: { dataset: { name: "msd", size: 256 }, training: paperTraining, inference: { window: 256 } },
};
