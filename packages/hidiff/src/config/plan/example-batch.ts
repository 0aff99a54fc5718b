import { Generator } from "@hidiff/core-tensor";
import type { Batch } from "@hidiff/datasets";

interface ExampleBatchOptions {
  readonly batchSize: number;
  /** Side of the square crops in pixels. */
  readonly size: number;
  readonly imageChannels: number;
  readonly classes: number;
  /** Whether the segmentor takes masks that were computed before. */
  readonly priors: boolean;
}

/** A batch of noise with a rectangle for a mask: computing it takes as long as a real one. */
export function exampleBatch({ batchSize, size, imageChannels, classes, priors }: ExampleBatchOptions): Batch {
  const pixels = batchSize * size * size;
  const images = new Generator(0).uniformArray(pixels * imageChannels);
  const masks = new Float32Array(pixels * classes);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const row = Math.floor(pixel / size) % size;
    const inside = row > size / 4 && row < size / 2;
    // One class is marked by ones; several have a map each, the background first.
    if (classes === 1) masks[pixel] = inside ? 1 : 0;
    else masks[pixel * classes + (inside ? 1 : 0)] = 1;
  }
  const ids = Array.from({ length: batchSize }, (_, item) => `example-${item}`);
  return { ids, batchSize, height: size, width: size, imageChannels, classes, images, masks, ...(priors ? { priors: masks.slice() } : {}) };
}
