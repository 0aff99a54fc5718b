import type { Preset } from "./preset.ts";
import { smallArchitecture, smallInference, smallTime, smallTraining } from "./small.ts";

/** Images are resized to 128×128, which shows anything but fine lines; vessels and the like want crops, as drive-small has them. */
export const folderSmall: Preset = {
  summary: "your own folder of images and masks, small",
  time: smallTime,
  configuration: {
    dataset: { name: "folder" },
    preprocessing: [
      { step: "scale", from: "range", to: [-1, 1] },
      { step: "resize", height: 128, width: 128, image: "cubic" },
    ],
    architecture: smallArchitecture,
    training: { ...smallTraining, augmentation: { affine: { rotation: 20, scale: [0.8, 1.2], shear: 0, shift: 0.1 }, gaussianBlur: false } },
    inference: smallInference,
  },
};
