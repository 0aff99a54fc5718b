import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Slices are resized to 256×256. */
export const synapse: Preset = {
  summary: "Synapse, abdominal organs in CT: the paper's training",
  time: paperTime,
  configuration: { dataset: { name: "synapse" }, training: paperTraining, inference: { window: 256 } },
};
