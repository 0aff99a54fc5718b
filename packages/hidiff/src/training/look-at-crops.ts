import type { Batch } from "@hidiff/datasets";
import type { InferenceOptions } from "../config/schema.ts";
import { labelMap } from "../inference/labels.ts";
import { type RefinementStep, segment, type Segmentation } from "../inference/segment.ts";
import type { TrainingSession } from "./session.ts";

/** A validation crop and what the model makes of it. */
export interface SegmentedCrop {
  readonly height: number;
  readonly width: number;
  /** `[height, width, imageChannels]`, as the networks take it. */
  readonly image: Float32Array;
  /** The label per pixel `[height, width]`. */
  readonly truth: Uint8Array;
  readonly segmentation: Segmentation;
  /** Of the first chain, from t = T − 1 to 0. */
  readonly steps: readonly RefinementStep[];
}

/**
 * Segments crops one by one, in evaluation mode, with the averaged parameters.
 *
 * @param use called with each crop
 * @param limit how many crops at most
 */
export function lookAtCrops(
  session: TrainingSession,
  crops: readonly Batch[],
  inference: InferenceOptions,
  use: (crop: SegmentedCrop) => void,
  limit: number = Infinity,
): Promise<void> {
  const { model, options } = session;
  const { classes, imageChannels } = model.architecture;
  const items = crops.flatMap((batch) => Array.from({ length: batch.batchSize }, (_, item) => ({ batch, item }))).slice(0, limit);
  return session.average.with(async () => {
    for (const { batch, item } of items) {
      const { height, width, images, masks, priors } = batch;
      const part = (data: Float32Array, channels: number): Float32Array =>
        data.slice(item * height * width * channels, (item + 1) * height * width * channels);
      const image = part(images, imageChannels);
      const steps: RefinementStep[] = [];
      const segmentation = await segment(
        model,
        { height, width, channels: imageChannels, data: image, ...(priors === undefined ? {} : { prior: part(priors, classes) }) },
        { ...inference, window: 0, seed: options.seed, onStep: (step) => steps.push(step) },
      );
      use({ height, width, image, truth: labelMap(part(masks, classes), classes), segmentation, steps });
    }
  });
}
