import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Images are resized to 256×256; sequences stay whole. */
export const cvcClinicDb: Preset = {
  summary: "CVC-ClinicDB, polyps: the paper's training",
  time: paperTime,
  configuration: { dataset: { name: "cvc-clinicdb" }, training: paperTraining, inference: { window: 256 } },
};
