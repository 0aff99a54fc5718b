import { countParameters, Generator, type StateDict } from "@hidiff/core-tensor";
import { augmentationFor, describePreprocessing, preprocess, type SegmentationDataset, type SplitName } from "@hidiff/datasets";
import { readModelFile } from "../../external/read-model-file-node.ts";
import { takesPriors } from "../../inference/segment.ts";
import { HybridModel } from "../../model/hybrid-model.ts";
import { openSegmentor } from "../../run/open-segmentor.ts";
import { checkSelection, explainSelection } from "../../run/parameter-selection.ts";
import { openTrainingDataset } from "../../run/training-batches-node.ts";
import { type TrainingProgress, TrainingSession } from "../../training/session.ts";
import type { Configuration, TrainingOptions } from "../schema.ts";
import { exampleBatch } from "./example-batch.ts";
import { type MeasuredTime, measureTraining } from "./measure-training.ts";
import type { EstimatedTime, PlannedNetwork, PlannedPhase, TrainingPlan } from "./training-plan.ts";

export interface PlanTrainingOptions {
  /** Seconds that may be spent on each kind of computation, about. Default 8. */
  readonly seconds?: number;
  /** Called with what is measured next. */
  readonly onProgress?: (what: string) => void;
}

/**
 * What a training would do, how long it takes here and how much memory: real iterations are measured, with batches of noise
 * of the same size. Of the data set, no more is read than what opening it reads, and of volumes the first one. Writes nothing.
 *
 * @throws what `runTraining` throws before its first iteration
 */
export async function planTraining(configuration: Configuration, { seconds = 8, onProgress }: PlanTrainingOptions = {}): Promise<TrainingPlan> {
  const { training, inference, architecture } = configuration;
  const dataset = await openTrainingDataset(configuration);
  checkSelection(configuration, dataset);
  const { imageChannels, classes } = dataset;
  const notes = [...(dataset.notes ?? [])];
  const model = new HybridModel({ ...architecture, imageChannels, classes }, new Generator(training.seed).split("parameters"), readModelFile);
  try {
    await openSegmentor(model, dataset, configuration, async (note) => void notes.push(note));
    const session = new TrainingSession(model, training);
    const sizes = { segmentor: bytesOf(model.segmentor.stateDict()), refiner: bytesOf(model.refiner.stateDict()), checkpoint: bytesOf(session.stateDict()) };
    const looks = countLooks(training);
    const measured = await measureTraining(session, {
      example: (batchSize) => exampleBatch({ batchSize, size: training.cropSize, imageChannels, classes, priors: takesPriors(model) }),
      inference,
      looks: looks > 0,
      seconds,
      memory: {
        peak: () => 1024 * process.resourceUsage().maxRSS,
        limit: () => process.memoryUsage.rss() + process.availableMemory(),
      },
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const splits = { train: countSplit(dataset, "train"), validation: countSplit(dataset, "validation"), test: countSplit(dataset, "test") };
    const phases = (["pretraining", "alternating"] as const).map((name) => planPhase(name, training, model.segmentor.trainable, splits.train.samples, measured.iteration[name]));
    const crops = training.validationBatches * training.batchSize;
    const lookSeconds = times(measured.crop, looks * crops + countPictures(training) * Math.min(training.pictures.count, crops));
    return {
      dataset: {
        name: dataset.name,
        imageChannels,
        classes,
        classNames: dataset.classNames,
        volumes: dataset.volumes !== undefined,
        splits,
        preprocessing: describePreprocessing(configuration.preprocessing ?? dataset.preprocessing),
        notes,
      },
      networks: {
        segmentor: { name: architecture.segmentor.name, parameters: countParameters(model.segmentor), bytes: sizes.segmentor, trained: model.segmentor.trainable },
        refiner: describeRefiner(model, sizes.refiner),
      },
      batch: { size: training.batchSize, microBatchSize: Math.min(training.microBatchSize ?? training.batchSize, training.batchSize), cropSize: training.cropSize },
      augmentation: augmentationFor(dataset, training.augmentation),
      phases,
      validation: {
        looks,
        crops: looks === 0 ? 0 : crops,
        split: splits.validation.cases > 0 ? "validation" : "train",
        cropSeconds: measured.crop,
        seconds: lookSeconds,
      },
      selection: explainSelection(configuration, dataset),
      files: {
        checkpointInterval: training.checkpointInterval,
        checkpointBytes: sizes.checkpoint,
        bundleBytes: sizes.segmentor + sizes.refiner,
        sliceBytes: await sliceBytes(configuration, dataset, splits.train.samples + (looks > 0 ? splits.validation.samples : 0)),
      },
      measurement: { batchSize: measured.measuredBatchSize, memory: measured.memory },
      seconds: [...phases.map((phase) => phase.seconds), lookSeconds].reduce(sum),
    };
  } finally {
    model.dispose();
  }
}

function bytesOf(state: StateDict): number {
  return [...state.values()].reduce((total, { data }) => total + data.byteLength, 0);
}

function describeRefiner(model: HybridModel, bytes: number): PlannedNetwork {
  const { precision, kind, baseWidth } = model.architecture.refiner;
  return { name: `${precision} ${kind} network of width ${baseWidth}`, parameters: countParameters(model.refiner), bytes, trained: true };
}

function countSplit({ splits, depthOf }: SegmentationDataset, split: SplitName): { cases: number; samples: number } {
  const ids = splits[split];
  return { cases: ids.length, samples: ids.reduce((total, id) => total + depthOf(id), 0) };
}

function planPhase(
  name: keyof TrainingProgress,
  { pretraining, alternating, batchSize }: TrainingOptions,
  trainable: boolean,
  samples: number,
  iterationSeconds: MeasuredTime | undefined,
): PlannedPhase {
  const iterations = name === "alternating" ? alternating.iterations : trainable ? pretraining.iterations : 0;
  const batches = iterations * (name === "alternating" ? alternating.refinerUpdates : 1);
  return { name, iterations, batches, epochs: (batches * batchSize) / samples, iterationSeconds, seconds: times(iterationSeconds, iterations) };
}

function countLooks({ validationInterval, pretraining, alternating }: TrainingOptions): number {
  return validationInterval === 0 ? 0 : countMoments(validationInterval, pretraining.iterations) + countMoments(validationInterval, alternating.iterations);
}

function countPictures({ validationInterval, pictures, pretraining, alternating }: TrainingOptions): number {
  if (validationInterval === 0 || pictures.interval === 0) return 0;
  return countMoments(pictures.interval, pretraining.iterations) + countMoments(pictures.interval, alternating.iterations);
}

/** How many of the iterations 1 … total are multiples of the interval or the last one. */
function countMoments(interval: number, total: number): number {
  return Math.ceil(total / interval);
}

function times(time: MeasuredTime | undefined, count: number): EstimatedTime {
  if (time === undefined) return { likely: 0, least: 0, most: 0 };
  return { likely: count * time.median, least: count * time.minimum, most: count * time.maximum };
}

function sum(a: EstimatedTime, b: EstimatedTime): EstimatedTime {
  return { likely: a.likely + b.likely, least: a.least + b.least, most: a.most + b.most };
}

/** What the run keeps of preprocessed slices: 4 bytes a value and 1 a label. */
async function sliceBytes({ training, preprocessing }: Configuration, dataset: SegmentationDataset, slices: number): Promise<number> {
  const [first] = dataset.splits.train;
  const { cacheFolder = dataset.volumes !== undefined } = training.data;
  if (first === undefined || cacheFolder === false) return 0;
  const { image } = await dataset.load(first);
  const { height, width } = preprocess(image, preprocessing ?? dataset.preprocessing).image;
  return slices * height * width * (4 * dataset.imageChannels + 1);
}
