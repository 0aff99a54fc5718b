import { augmentationFor, type Batch, type DatasetSpec, type SegmentationDataset } from "@hidiff/datasets";
import {
  createWorkerBatchSource,
  openWithPriors,
  type PriorOptions,
  type WorkerBatchSource,
  type WorkerBatchSourceOptions,
} from "@hidiff/datasets/node";
import type { Configuration } from "../config/schema.ts";

/** Batches for training, and what a look at validation crops looks at. */
export interface TrainingBatches {
  readonly batches: WorkerBatchSource;
  /** Empty where the configuration wants no looks. */
  readonly crops: readonly Batch[];
  /** Whether the crops are of images that are not trained on. */
  readonly cropsAreHeldOut: boolean;
}

type PreparationCallbacks = Pick<WorkerBatchSourceOptions, "onBadCase" | "onProgress" | "signal">;

/**
 * The data set of a training, whose cases have priors if the configuration names their folder.
 *
 * @throws what `openWithPriors` throws
 */
export function openTrainingDataset({ dataset: spec, priors }: Configuration): Promise<SegmentationDataset> {
  return openWithPriors(spec as DatasetSpec, priors && trainingPriors(priors));
}

/** Cases of the test split need none. */
function trainingPriors({ folder }: { readonly folder: string }): PriorOptions {
  return { folder, splits: ["train", "validation"] };
}

/**
 * The batches of a training, and fixed crops of the validation split or, if there is none, of the training split.
 *
 * @param dataset what {@link openTrainingDataset} opened
 * @param cacheFolder where slices of volumes are kept if the configuration says nothing else
 * @throws what the data set and `createWorkerBatchSource` throw
 */
export async function openTrainingBatches(
  { dataset: spec, preprocessing, priors, training }: Configuration,
  dataset: SegmentationDataset,
  cacheFolder: string,
  callbacks: PreparationCallbacks,
): Promise<TrainingBatches> {
  const { batchSize, cropSize, seed, data, validationInterval, validationBatches } = training;
  const { cacheFolder: chosen = hasVolumes(dataset) ? cacheFolder : false } = data;
  const validation = dataset.splits.validation.length > 0 ? "validation" : "train";
  const common = {
    dataset,
    preprocessing,
    priors: priors && trainingPriors(priors),
    batchSize,
    cropSize,
    slices: data.slices,
    cacheFolder: chosen === false ? undefined : chosen,
  };
  const batches = await createWorkerBatchSource(spec as DatasetSpec, {
    ...common,
    ...callbacks,
    split: "train",
    splits: validationInterval > 0 ? ["train", validation] : ["train"],
    augmentation: augmentationFor(dataset, training.augmentation),
    seed,
    fieldOfViewFraction: 0.5,
    workers: data.workers,
    badCases: data.badCases,
  });
  if (validationInterval === 0) return { batches, crops: [], cropsAreHeldOut: false };
  try {
    const { index } = batches;
    const split = index.splits.validation.length > 0 ? "validation" : "train";
    const source = await createWorkerBatchSource(spec as DatasetSpec, {
      ...common,
      split,
      index,
      seed: `${seed}/validation`,
      fieldOfViewFraction: 0.9,
      prefetch: 0,
      workers: 0,
    });
    try {
      const crops = await Promise.all(Array.from({ length: validationBatches }, (_, step) => source.batch(step)));
      return { batches, crops, cropsAreHeldOut: split === "validation" };
    } finally {
      await source.close();
    }
  } catch (error) {
    await batches.close();
    throw error;
  }
}

function hasVolumes({ volumes, splits, depthOf }: SegmentationDataset): boolean {
  return volumes !== undefined || Object.values(splits).some((ids) => ids.some((id) => depthOf(id) > 1));
}
