import { Generator, type HidiffError, isHidiffError } from "@hidiff/core-tensor";
import type { Batch } from "@hidiff/datasets";
import {
  benchmarkConfiguration,
  compileRefiner,
  configurationSchema,
  HybridModel,
  inferenceSchema,
  parse,
  preset,
  segment,
  trainAlternating,
  TrainingSession,
} from "hidiff";

/** How fast the current backend does what users do. */
export interface Speed {
  /** Iterations a second of the alternate training of `hidiff demo`, the data excepted. */
  readonly trainingSteps: number;
  /** Images of 256×256 pixels a second: the networks of the preset drive-small, all steps, one sample. */
  readonly images: number;
  /** What computed the refinement of those images. */
  readonly engine: { readonly name: "packed"; readonly threads: number; readonly simd: "relaxed" | "plain" } | { readonly name: "graph"; readonly reason: string };
}

const imageSize = 256;

/** @param secondsEach for either measurement, after one that does not count; a single one may take longer */
export async function measureSpeed(secondsEach: number): Promise<Speed> {
  const trainingSteps = await measureTraining(secondsEach);
  return { trainingSteps, ...(await measureInference(secondsEach)) };
}

async function measureTraining(seconds: number): Promise<number> {
  const { architecture, training } = parse(configurationSchema, preset("demo"), "The demo's configuration");
  const channels = { imageChannels: 3, classes: 1 } as const;
  const model = new HybridModel({ ...architecture, ...channels }, new Generator(0));
  const session = new TrainingSession(model, training);
  const batch = randomBatch(training.batchSize, training.cropSize, channels);
  const controller = new AbortController();
  let startedAt = 0;
  let steps = -1;
  let rate = 0;
  await trainAlternating(
    session,
    { batch: () => Promise.resolve(batch), waited: 0, close: () => Promise.resolve() },
    {
      signal: controller.signal,
      onIteration: () => {
        if (++steps === 0) startedAt = performance.now();
        const elapsed = (performance.now() - startedAt) / 1000;
        rate = steps / elapsed;
        if (steps > 0 && elapsed >= seconds) controller.abort();
      },
    },
  );
  model.dispose();
  return rate;
}

async function measureInference(seconds: number): Promise<Omit<Speed, "trainingSteps">> {
  const { architecture } = benchmarkConfiguration("small");
  const model = new HybridModel(architecture, new Generator(0));
  const steps = Array.from({ length: model.process.steps }, (_, t) => t);
  const packed = await compileRefiner(model.refiner, { steps }).catch((error: unknown): HidiffError => {
    if (isHidiffError(error)) return error; // such as a processor without SIMD
    throw error;
  });
  const packedRefiner = isHidiffError(packed) ? undefined : packed;
  const options = { ...parse(inferenceSchema, { samples: 1, window: 0 }, "The measurement's inference"), seed: 0, packedRefiner };
  const data = new Generator(1).uniformArray(imageSize * imageSize * architecture.imageChannels, -1, 1);
  const image = { height: imageSize, width: imageSize, channels: architecture.imageChannels, data };
  await segment(model, image, { ...options, steps: 1 });
  const startedAt = performance.now();
  let images = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    await segment(model, image, options);
    images++;
    elapsed = (performance.now() - startedAt) / 1000;
  }
  const engine: Speed["engine"] = isHidiffError(packed)
    ? { name: "graph", reason: packed.message }
    : { name: "packed", threads: packed.resources.threads, simd: packed.resources.simd };
  packedRefiner?.dispose();
  model.dispose();
  return { images: images / elapsed, engine };
}

function randomBatch(batchSize: number, size: number, channels: { readonly imageChannels: number; readonly classes: number }): Batch {
  const pixels = batchSize * size * size;
  const images = new Generator(0).uniformArray(pixels * channels.imageChannels, -1, 1);
  const masks = Float32Array.from({ length: pixels * channels.classes }, (_, index) => Number(images[index * channels.imageChannels]! > 0));
  return { ids: Array.from({ length: batchSize }, (_, item) => `random-${item}`), batchSize, height: size, width: size, ...channels, images, masks };
}
