import { HidiffError } from "@hidiff/core-tensor/errors";
import { Generator } from "@hidiff/core-tensor/random";
import { extractPatch } from "../augmentation/extract-patch.ts";
import { resolveAugmentation } from "../augmentation/options.ts";
import type { Batch, BatchSource, SampleSource, SegmentationSample } from "../types.ts";
import { checkBatchSourceOptions, windowSize, type BatchSourceOptions } from "./options.ts";
import { Prefetcher } from "./prefetcher.ts";
import { SampleCache } from "./sample-cache.ts";
import { WaitingClock } from "./waiting-clock.ts";

/** How many bytes of samples are kept in memory if no other number is given. */
export const defaultCacheBytes: number = 2 ** 30;

/**
 * Random batches of a split.
 *
 * `batch(step)` depends on the options and the step alone, so that training that is resumed at a step sees what it would
 * have seen. The samples come in epochs: each one once per epoch, in an order drawn anew for each epoch; a batch may hold
 * the end of one epoch and the start of the next. The work is done in the calling thread; `createWorkerBatchSource` of
 * `@hidiff/datasets/node` makes the same batches in another one.
 *
 * @throws `datasets.option` for options out of range, `datasets.empty` for a split without samples. `batch` rejects with
 * `datasets.size` where whole images of different sizes would share a batch.
 */
export function createBatchSource(samples: SampleSource, options: BatchSourceOptions): BatchSource {
  checkBatchSourceOptions(options);
  const ids = (samples.splits as Partial<SampleSource["splits"]>)[options.split];
  if (ids === undefined || ids.length === 0) {
    throw new HidiffError(
      "datasets.empty",
      `createBatchSource: the split "${options.split}" of "${samples.name}" has no samples; ` +
        `choose another split, or open and prepare the data set with samples in this one.`,
    );
  }
  const { batchSize } = options;
  const cache = new SampleCache(samples, options.cacheBytes ?? defaultCacheBytes);
  const root = new Generator(options.seed);
  const order = epochOrder(ids, root);
  const augmentation = resolveAugmentation(options.augmentation ?? {});
  const crop = windowSize(options.cropSize);

  const clock = new WaitingClock();
  const make = async (step: number): Promise<Batch> => {
    const first = step * batchSize;
    const batchIds = Array.from({ length: batchSize }, (_, position) => order(first + position));
    const loaded = await Promise.all(batchIds.map((id) => cache.load(id)));
    const start = performance.now();
    const [height, width] = crop ?? commonSize(loaded);
    const { imageChannels, classes } = samples;
    const images = new Float32Array(batchSize * height * width * imageChannels);
    const masks = new Float32Array(batchSize * height * width * classes);
    const priors = loaded.every(({ prior }) => prior !== undefined) ? new Float32Array(masks.length) : undefined;
    const window = { height, width, fieldOfViewFraction: options.fieldOfViewFraction ?? 0 };
    loaded.forEach((sample, position) => {
      const patch = extractPatch(sample, window, augmentation, root.split(`sample ${first + position}`));
      images.set(patch.image, position * patch.image.length);
      masks.set(patch.mask, position * patch.mask.length);
      priors?.set(patch.prior!, position * patch.mask.length);
    });
    clock.add(performance.now() - start); // nothing else could run in this thread
    return { ids: batchIds, batchSize, height, width, imageChannels, classes, images, masks, ...(priors === undefined ? {} : { priors }) };
  };

  const prefetcher = new Prefetcher(make, { ahead: options.prefetch ?? 1, start: "afterwards" });
  return {
    batch: (step) => clock.during(prefetcher.take(step)),
    get waited() {
      return clock.total;
    },
    close: async () => {
      prefetcher.close();
      cache.clear();
    },
  };
}

/** The id at each place of the endless sequence of epochs. */
function epochOrder(ids: readonly string[], root: Generator): (place: number) => string {
  const orders = new Map<number, Uint32Array>();
  return (place) => {
    const epoch = Math.floor(place / ids.length);
    let order = orders.get(epoch);
    if (order === undefined) {
      order = root.split(`epoch ${epoch}`).permutation(ids.length);
      if (orders.size >= 4) orders.clear();
      orders.set(epoch, order);
    }
    return ids[order[place % ids.length]!]!;
  };
}

function commonSize(samples: readonly SegmentationSample[]): readonly [number, number] {
  const { id, height, width } = samples[0]!;
  for (const sample of samples) {
    if (sample.height !== height || sample.width !== width) {
      throw new HidiffError(
        "datasets.size",
        `batch: "${id}" is ${width}×${height} but "${sample.id}" is ${sample.width}×${sample.height} pixels (width×height); ` +
          `whole images share a batch only at one size. Give a cropSize.`,
      );
    }
  }
  return [height, width];
}
