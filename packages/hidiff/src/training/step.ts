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
import { mapTensor } from "../model/hybrid-model.ts";

/** A part of a batch, as tensors. */
export interface MicroBatch {
  /** `[batch, height, width, imageChannels]` */
  readonly image: Tensor4D;
  /** `[batch, height, width, classes]` */
  readonly y0: Tensor4D;
  /** The place of its first item in the batch. */
  readonly first: number;
}

interface UpdateOptions {
  readonly batch: Batch;
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
export function update({ batch, parameters, optimizer, learningRate, microBatchSize, gradientClip, where, loss }: UpdateOptions): number {
  const size = microBatchSize ?? batch.batchSize;
  const accumulator = new GradientAccumulator();
  let total = 0;
  for (let start = 0; start < batch.batchSize; start += size) {
    const count = Math.min(size, batch.batchSize - start);
    tidy(() => {
      const { value, gradients } = valueAndGradients(loss(part(batch, start, count)), parameters);
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
        "The last checkpoint is kept; lower the learning rate or set gradientClip, and resume.",
    );
  }
  optimizer.step(gradients, learningRate);
  return total;
}

function part({ height, width, imageChannels, classes, images, masks }: Batch, start: number, count: number): MicroBatch {
  const slice = (data: Float32Array, channels: number): Tensor4D => {
    const itemSize = height * width * channels;
    return mapTensor(data.subarray(start * itemSize, (start + count) * itemSize), [count, height, width, channels]);
  };
  return { image: slice(images, imageChannels), y0: slice(masks, classes), first: start };
}
