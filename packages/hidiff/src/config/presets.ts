import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import type { ConfigurationInput } from "./schema.ts";

/** Configurations by name. A preset leaves out what its user must say, such as the data set's folder. */
const presets: Readonly<Record<string, ConfigurationInput>> = {
  /** DRIVE in about an hour on two cores with the native backend. */
  "drive-small": {
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
  /** Synthetic fundus images, small enough for the embedded backend: what `hidiff demo` trains. */
  demo: {
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

/** The names that {@link preset} knows. */
export const presetNames: readonly string[] = Object.keys(presets);

/** A copy of the named configuration. Throws HidiffError `config.preset` for an unknown name. */
export function preset(name: string): ConfigurationInput {
  const found = presets[name];
  if (found === undefined) {
    throw new HidiffError("config.preset", `There is no preset "${name}".${didYouMean(name, presetNames)} Known: ${presetNames.join(", ")}.`);
  }
  return structuredClone(found);
}
