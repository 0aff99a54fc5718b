import {
  type AdamW,
  clipGradientNorm,
  GradientAccumulator,
  HidiffError,
  type NamedParameter,
  type Scalar,
  type Tensor4D,
  tidy,
  valueAndGradients,
} from "@hidiff/core-tensor";
import type { Batch } from "@hidiff/datasets";
import type { SegmentorModule } from "@hidiff/segmentors";
import { mapTensor } from "../model/hybrid-model.ts";

/** A batch with the probabilities that its segmentor takes from elsewhere, `[batch, height, width, classes]`, if any. */
export interface GuidedBatch {
  readonly batch: Batch;
  readonly externalPrior: Float32Array | undefined;
}

/**
 * Asks the segmentor for the external prior of a batch.
 *
 * @throws HidiffError `training.prior` if priors came with the data and the segmentor takes none, and what
 * `segmentor.externalPrior` throws
 */
export async function guideBatch(segmentor: SegmentorModule, batch: Batch): Promise<GuidedBatch> {
  const { batchSize, height, width, imageChannels, images, priors } = batch;
  const externalPrior = await segmentor.externalPrior({ batch: batchSize, height, width, channels: imageChannels, data: images }, priors);
  if (priors !== undefined && externalPrior === undefined) {
    throw new HidiffError(
      "training.prior",
      'The segmentor computes its masks itself, and masks came with the data; train without `priors`, or with the segmentor "masks".',
    );
  }
  return { batch, externalPrior };
}

/** A part of a batch, as tensors. */
export interface MicroBatch {
  /** `[batch, height, width, imageChannels]` */
  readonly image: Tensor4D;
  /** `[batch, height, width, classes]` */
  readonly y0: Tensor4D;
  /** `[batch, height, width, classes]`, for segmentors that take one. */
  readonly externalPrior: Tensor4D | undefined;
  /** The place of its first item in the batch. */
  readonly first: number;
}

interface UpdateOptions extends GuidedBatch {
  readonly parameters: readonly NamedParameter[];
  readonly optimizer: AdamW;
  readonly learningRate: number;
  readonly microBatchSize: number | undefined;
  readonly gradientClip: number | undefined;
  /** Names the step in errors, such as "pre-training iteration 12". */
  readonly where: string;
  /** Prepares what is not differentiated, then returns the loss to be differentiated. Runs once a micro-batch. */
  readonly loss: (part: MicroBatch) => () => Scalar;
}

/**
 * One update of `parameters`: the gradient of the batch, possibly computed in parts, then the optimizer's step.
 *
 * @returns the loss of the batch
 * @throws HidiffError `training.diverged` if the loss or the gradient is not finite; nothing was updated then
 */
export function update(options: UpdateOptions): number {
  const { batch, parameters, optimizer, learningRate, microBatchSize, gradientClip, where, loss } = options;
  const size = microBatchSize ?? batch.batchSize;
  const accumulator = new GradientAccumulator();
  let total = 0;
  for (let start = 0; start < batch.batchSize; start += size) {
    const count = Math.min(size, batch.batchSize - start);
    tidy(() => {
      const { value, gradients } = valueAndGradients(loss(part(options, start, count)), parameters);
      accumulator.add(gradients, count / batch.batchSize);
      total += (value * count) / batch.batchSize;
    });
  }
  const gradients = accumulator.take();
  const norm = clipGradientNorm(gradients, gradientClip ?? Infinity);
  if (!Number.isFinite(total) || !Number.isFinite(norm)) {
    throw new HidiffError(
      "training.diverged",
      `Training diverged in ${where}: the loss is ${total}, the gradient's norm ${norm} (images ${batch.ids.join(", ")}). ` +
        "Lower the learning rate or set gradientClip.",
    );
  }
  optimizer.step(gradients, learningRate);
  return total;
}

function part({ batch, externalPrior }: GuidedBatch, start: number, count: number): MicroBatch {
  const { height, width, imageChannels, classes, images, masks } = batch;
  const slice = (data: Float32Array, channels: number): Tensor4D => {
    const itemSize = height * width * channels;
    return mapTensor(data.subarray(start * itemSize, (start + count) * itemSize), [count, height, width, channels]);
  };
  return {
    image: slice(images, imageChannels),
    y0: slice(masks, classes),
    externalPrior: externalPrior && slice(externalPrior, classes),
    first: start,
  };
}
