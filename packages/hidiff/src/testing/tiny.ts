import { Generator } from "@hidiff/core-tensor";
import type { Batch, BatchSource } from "@hidiff/datasets";
import { parse } from "@hidiff/datasets";
import { HybridModel } from "../model/hybrid-model.ts";
import { type Architecture, architectureSchema, type InferenceOptions, inferenceSchema, type TrainingOptions, trainingSchema } from "../config/schema.ts";

/** Options of any depth. */
type Options = Readonly<Record<string, unknown>>;

/** The smallest networks: a U-Net and a refiner of four channels, three diffusion steps, one channel in, one class out. */
export function tinyArchitecture({ refiner, segmentor, diffusion, ...rest }: { refiner?: Options; segmentor?: Options; diffusion?: Options } & Options = {}): Architecture {
  return parse(
    architectureSchema,
    {
      imageChannels: 1,
      classes: 1,
      segmentor: { name: "unet", options: { baseWidth: 4, depth: 2, norm: "group", ...segmentor } },
      refiner: { baseWidth: 4, ...refiner },
      diffusion: { steps: 3, ...diffusion },
      ...rest,
    },
    "tinyArchitecture",
  );
}

/** A model whose refiner's mask depends on everything: that of a new one has a head of zeros. */
export function randomModel(architecture: Architecture): HybridModel {
  const model = new HybridModel(architecture, new Generator(3));
  const generator = new Generator("parameters");
  const state = [...model.refiner.stateDict()].map(([name, value]) => {
    if (name.includes("running")) return [name, value] as const;
    return [name, { shape: value.shape, data: value.data.map((element) => element + generator.normal(0, 0.3)) }] as const;
  });
  model.refiner.loadStateDict(new Map(state));
  return model;
}

/** Two iterations of each phase, on batches of two crops of 32×32. */
export function tinyTraining({ pretraining, alternating, ...rest }: { pretraining?: Options; alternating?: Options } & Options = {}): TrainingOptions {
  return parse(
    trainingSchema,
    {
      batchSize: 2,
      cropSize: 32,
      pretraining: { iterations: 2, learningRate: 1e-3, ...pretraining },
      alternating: { iterations: 2, refinerLearningRate: 1e-3, segmentorLearningRate: 1e-3, ...alternating },
      averageDecay: 0.9,
      validationInterval: 0,
      checkpointInterval: 100,
      ...rest,
    },
    "tinyTraining",
  );
}

/** One sample of the whole image, in one window. */
export function tinyInference(options: Options = {}): InferenceOptions {
  return parse(inferenceSchema, { samples: 1, window: 0, ...options }, "tinyInference");
}

interface TinyBatchOptions {
  readonly batchSize?: number;
  readonly classes?: number;
  readonly size?: number;
  /** Whether priors come with them: the mask, with a probability of 0.8 (and the rest spread over all classes). */
  readonly priors?: boolean;
}

/** Discs in noise: one class marks the disc, three mark background, disc and a square corner. */
export function tinyBatches({ batchSize = 2, classes = 1, size = 32, priors = false }: TinyBatchOptions = {}): BatchSource {
  return {
    batch: async (step) => {
      const batch = tinyBatch(step, batchSize, classes, size);
      return priors ? { ...batch, priors: batch.masks.map((inside) => 0.8 * inside + 0.2 / Math.max(2, classes)) } : batch;
    },
    waited: 0,
    close: () => Promise.resolve(),
  };
}

function tinyBatch(step: number, batchSize: number, classes: number, size: number): Batch {
  const generator = new Generator(`batch ${step}`);
  const pixels = size * size;
  const images = new Float32Array(batchSize * pixels);
  const masks = new Float32Array(batchSize * pixels * classes);
  for (let item = 0; item < batchSize; item++) {
    const [row, column, radius] = [generator.uniform(10, size - 10), generator.uniform(10, size - 10), generator.uniform(4, 9)];
    for (let pixel = 0; pixel < pixels; pixel++) {
      const inside = Math.hypot(Math.floor(pixel / size) - row, (pixel % size) - column) < radius;
      const corner = Math.floor(pixel / size) < 4 && pixel % size < 4;
      const label = inside ? 1 : corner ? 2 : 0;
      const at = item * pixels + pixel;
      images[at] = label / 2 + generator.normal(0, 0.2);
      if (classes === 1) masks[at] = inside ? 1 : 0;
      else masks[at * classes + Math.min(label, classes - 1)] = 1;
    }
  }
  return {
    ids: Array.from({ length: batchSize }, (_, item) => `disc-${step}-${item}`),
    batchSize,
    height: size,
    width: size,
    imageChannels: 1,
    classes,
    images,
    masks,
  };
}
