import type { ConfigurationInput } from "../schema.ts";

export const smallTime = "about an hour on two cores";

/** Small networks, and a training of about an hour on two cores, at 128×128 pixels. */
export const smallArchitecture: ConfigurationInput["architecture"] = {
  segmentor: { name: "unet", options: { baseWidth: 16, depth: 5 } },
  refiner: { baseWidth: 16 },
  diffusion: { target: "y0-log-odds" },
};

export const smallTraining: NonNullable<ConfigurationInput["training"]> = {
  batchSize: 8,
  cropSize: 128,
  pretraining: { iterations: 1000, learningRate: 1e-3 },
  alternating: { iterations: 500, refinerUpdates: 2, refinerLearningRate: 1e-3, segmentorLearningRate: 1e-4 },
  focalGamma: 0,
  refinerDiceWeight: 1,
  averageDecay: 0.995,
  validationInterval: 250,
  checkpointInterval: 100,
};

export const smallInference: ConfigurationInput["inference"] = { temperature: 0.1, window: 128, overlap: 0.1, batchSize: 16 };
