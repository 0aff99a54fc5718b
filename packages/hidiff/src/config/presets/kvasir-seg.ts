import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Images are resized to 256×256. */
export const kvasirSeg: Preset = {
  summary: "Kvasir-SEG, polyps: the paper's training",
  time: paperTime,
  configuration: { dataset: { name: "kvasir-seg" }, training: paperTraining, inference: { window: 256 } },
};
