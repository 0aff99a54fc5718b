import type { Preset } from "./preset.ts";

/** Small enough for the embedded backend: what `hidiff demo` trains. */
export const demo: Preset = {
  summary: "drawn retinal vessels, tiny: what `hidiff demo` trains; needs no data",
  time: "about two minutes on two cores",
  configuration: {
    dataset: { name: "synthetic-fundus", count: { train: 32, validation: 4, test: 8 }, size: 64, seed: 7 },
    architecture: {
      segmentor: { name: "unet", options: { baseWidth: 8, depth: 3 } },
      refiner: { baseWidth: 8 },
      diffusion: { target: "y0-log-odds" },
    },
    training: {
      batchSize: 4,
      cropSize: 64,
      augmentation: { affine: false, gaussianBlur: false },
      pretraining: { iterations: 150, learningRate: 2e-3 },
      alternating: { iterations: 200, refinerLearningRate: 3e-3, segmentorLearningRate: 1e-4 },
      focalGamma: 0,
      refinerDiceWeight: 1,
      averageDecay: 0.98,
      validationInterval: 0,
      checkpointInterval: 100,
    },
    inference: { samples: 3, temperature: 0.1, window: 64, batchSize: 3 },
  },
};
