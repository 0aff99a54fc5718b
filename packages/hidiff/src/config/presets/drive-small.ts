import type { Preset } from "./preset.ts";

export const driveSmall: Preset = {
  summary: "DRIVE, retinal vessels, small",
  time: "about an hour on two cores",
  configuration: {
    dataset: { name: "drive" },
    architecture: {
      segmentor: { name: "unet", options: { baseWidth: 8, depth: 4 } },
      refiner: { baseWidth: 24 },
      diffusion: { target: "y0-log-odds" },
    },
    training: {
      batchSize: 8,
      cropSize: 128,
      augmentation: {
        quarterTurn: true,
        affine: false,
        gaussianBlur: false,
        colorJitter: { brightness: 0.2, contrast: 0.3, saturation: 0.2, hue: 0.01 },
      },
      pretraining: { iterations: 450, learningRate: 1.5e-3 },
      alternating: { iterations: 700, refinerUpdates: 3, refinerLearningRate: 2e-3, segmentorLearningRate: 1e-4 },
      focalGamma: 0,
      refinerDiceWeight: 0.5,
      averageDecay: 0.995,
      validationInterval: 350,
      checkpointInterval: 100,
    },
    inference: { samples: 3, temperature: 0.1, window: 128, overlap: 0.1, batchSize: 16 },
  },
};
