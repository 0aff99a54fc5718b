import type { Preset } from "./preset.ts";

/** Crops are whole images. The segmentor's weights are moved little: a trained one may be given as initial weights. */
export const kvasirSmall: Preset = {
  summary: "Kvasir-SEG, polyps, small",
  time: "about an hour on two cores",
  configuration: {
    dataset: { name: "kvasir-seg" },
    architecture: {
      segmentor: { name: "unet", options: { baseWidth: 16, depth: 4 } },
      refiner: { baseWidth: 16 },
      diffusion: { target: "y0-log-odds" },
    },
    training: {
      batchSize: 4,
      cropSize: 256,
      pretraining: { iterations: 4000, learningRate: 1e-3 },
      alternating: { iterations: 500, refinerUpdates: 2, refinerLearningRate: 2e-3, segmentorLearningRate: 2e-5 },
      focalGamma: 0,
      refinerDiceWeight: 0.5,
      averageDecay: 0.99,
      validationInterval: 250,
      checkpointInterval: 50,
    },
    inference: { samples: 3, temperature: 0.1, window: 256, batchSize: 4 },
  },
};
