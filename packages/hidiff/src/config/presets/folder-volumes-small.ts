import type { Preset } from "./preset.ts";
import { smallArchitecture, smallInference, smallTime, smallTraining } from "./small.ts";

/** Intensities as the data set's own preprocessing has them; slices are resized to 128×128, so that a crop is a whole slice. */
export const folderVolumesSmall: Preset = {
  summary: "your own folder of volumes (NIfTI, DICOM, …) and masks, small",
  time: smallTime,
  configuration: {
    dataset: { name: "folder" },
    preprocessing: [
      { step: "percentile", low: 0.5, high: 99.5, region: "nonzero", to: [0, 1] },
      { step: "resize", height: 128, width: 128, image: "cubic" },
    ],
    architecture: smallArchitecture,
    training: {
      ...smallTraining,
      augmentation: { verticalFlip: false, horizontalFlip: false, quarterTurn: false, affine: { rotation: 20 } },
    },
    inference: smallInference,
  },
};
