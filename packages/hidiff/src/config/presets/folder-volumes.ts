import { paperTime, paperTraining } from "./paper.ts";
import type { Preset } from "./preset.ts";

/** Random crops of slices as large as they are. */
export const folderVolumes: Preset = {
  summary: "your own folder of volumes (NIfTI, DICOM, …) and masks, at the paper's size",
  time: paperTime,
  configuration: { dataset: { name: "folder" }, training: paperTraining, inference: { window: 256 } },
};
