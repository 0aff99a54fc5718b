import type { Preset } from "./preset.ts";

/** Slices are about 35×50 pixels, so that crops of 64 hold them whole. */
export const hippocampusSmall: Preset = {
  summary: "MSD Hippocampus, two parts of it in MRI, small",
  time: "about half an hour on two cores",
  configuration: {
    dataset: { name: "msd" },
    architecture: {
      segmentor: { name: "unet", options: { baseWidth: 16, depth: 4 } },
      refiner: { baseWidth: 16 },
      diffusion: { target: "y0-log-odds" },
    },
    training: {
      batchSize: 16,
      cropSize: 64,
      augmentation: { horizontalFlip: false, verticalFlip: false, quarterTurn: false, affine: { rotation: 20 } },
      pretraining: { iterations: 1500, learningRate: 1e-3 },
      alternating: { iterations: 800, refinerUpdates: 3, refinerLearningRate: 2e-3, segmentorLearningRate: 1e-4 },
      focalGamma: 0,
      refinerDiceWeight: 1,
      averageDecay: 0.995,
      validationInterval: 400,
      checkpointInterval: 200,
    },
    inference: { samples: 3, temperature: 0.1, window: 64, batchSize: 16 },
  },
};
