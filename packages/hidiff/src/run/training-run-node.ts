import { appendFile, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Generator, HidiffError } from "@hidiff/core-tensor";
import { fileError, writeFileAtomic } from "@hidiff/core-tensor/node";
import type { Batch, DatasetSpec, SegmentationDataset } from "@hidiff/datasets";
import { createWorkerBatchSource, openDataset } from "@hidiff/datasets/node";
import { writeBundle } from "../bundle/bundle-node.ts";
import { type BundleDescription, encodeBundle } from "../bundle/bundle.ts";
import { parse } from "../config/parse.ts";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { restoreCheckpoint, writeCheckpoint } from "../training/checkpoint-node.ts";
import { pretrainSegmentor } from "../training/pretrain-segmentor.ts";
import type { TrainingReport } from "../training/report.ts";
import { TrainingSession } from "../training/session.ts";
import { trainAlternating } from "../training/train-alternating.ts";
import { validate, type ValidationReport } from "../training/validate.ts";

/** The files of a run folder. */
export const runFiles = {
  configuration: "configuration.json",
  checkpoint: "checkpoint.safetensors",
  log: "log.jsonl",
  bundle: "bundle",
} as const;

/** How many batches of validation crops are looked at. */
const validationBatches = 2;

export interface TrainingRunOptions {
  /** Where everything is written. Made if it does not exist. */
  readonly folder: string;
  /** Whether to continue from the folder's checkpoint. Without it, a folder that has one is an error. */
  readonly resume?: boolean;
  /** Stops after the iteration that runs, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onIteration?: (report: TrainingReport) => void | Promise<void>;
  readonly onValidation?: (report: ValidationReport, session: TrainingSession) => void;
  readonly onCheckpoint?: (path: string) => void;
}

export interface TrainingRunResult {
  /** False if it was stopped; the checkpoint then holds all that was done. */
  readonly complete: boolean;
  /** The bundle's folder, if the training is complete. */
  readonly bundle: string | undefined;
  readonly model: HybridModel;
}

/**
 * Trains as a configuration says, in a folder of its own: configuration, log, checkpoint and, in the end, the bundle.
 * A run that was stopped and resumed equals one that was not.
 *
 * @throws HidiffError `run.exists`, `run.configuration`, `run.nothing`, and those of data sets, checkpoints and training
 */
export async function runTraining(configuration: Configuration, options: TrainingRunOptions): Promise<TrainingRunResult> {
  const { folder, resume = false, signal } = options;
  const path = (file: string): string => join(folder, file);
  const dataset = await openDataset(configuration.dataset as DatasetSpec);
  await prepareFolder(folder, configuration, resume);

  const { training } = configuration;
  const { imageChannels, classes } = dataset;
  const model = new HybridModel({ ...configuration.architecture, imageChannels, classes }, new Generator(training.seed).split("parameters"));
  const session = new TrainingSession(model, training);
  if (resume) await restoreCheckpoint(path(runFiles.checkpoint), session);

  const log = async (entry: object): Promise<void> => {
    await appendFile(path(runFiles.log), `${JSON.stringify(entry)}\n`).catch((error: unknown) => {
      throw fileError("write", path(runFiles.log), error);
    });
  };
  const crops = training.validationInterval > 0 ? await validationCrops(configuration, dataset) : [];
  const batches = await createWorkerBatchSource(configuration.dataset as DatasetSpec, {
    split: "train",
    batchSize: training.batchSize,
    cropSize: training.cropSize,
    augmentation: training.augmentation,
    seed: training.seed,
    fieldOfViewFraction: 0.5,
  });
  const callbacks = {
    ...(signal === undefined ? {} : { signal }),
    onIteration: async (report: TrainingReport): Promise<void> => {
      await log(report);
      await options.onIteration?.(report);
    },
    onValidation: async (): Promise<void> => {
      const report = await validate(session, crops, configuration.inference);
      await log({ progress: session.progress, validation: report });
      options.onValidation?.(report, session);
    },
    onCheckpoint: async (): Promise<void> => {
      await writeCheckpoint(path(runFiles.checkpoint), session);
      options.onCheckpoint?.(path(runFiles.checkpoint));
    },
  };
  try {
    const complete = (await pretrainSegmentor(session, batches, callbacks)) && (await trainAlternating(session, batches, callbacks));
    if (!complete) return { complete, bundle: undefined, model };
  } finally {
    await batches.close();
  }
  const files = await encodeBundle(model, session.average.stateDict(), describe(configuration, dataset));
  await writeBundle(path(runFiles.bundle), files);
  model.refiner.loadStateDict(session.average.stateDict());
  return { complete: true, bundle: path(runFiles.bundle), model };
}

async function prepareFolder(folder: string, configuration: Configuration, resume: boolean): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", folder, error);
  });
  const configurationPath = join(folder, runFiles.configuration);
  const hasCheckpoint = await stat(join(folder, runFiles.checkpoint)).then(
    () => true,
    () => false,
  );
  if (hasCheckpoint && !resume) {
    throw new HidiffError("run.exists", `${folder} already holds a training; resume it, or choose another folder.`);
  }
  if (!resume) return writeFileAtomic(configurationPath, `${JSON.stringify(configuration, null, 2)}\n`);
  if (!hasCheckpoint) throw new HidiffError("run.nothing", `${folder} has no ${runFiles.checkpoint} to resume from; start without resuming.`);
  const stored = await readRunConfiguration(folder);
  if (JSON.stringify(stored.training) !== JSON.stringify(configuration.training)) {
    throw new HidiffError(
      "run.configuration",
      `The training options differ from those in ${configurationPath}, so that the run would not equal an uninterrupted one; resume with that file.`,
    );
  }
}

/** The configuration that a run folder holds. */
export async function readRunConfiguration(folder: string): Promise<Configuration> {
  const path = join(folder, runFiles.configuration);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HidiffError("run.configuration", `${path} is not JSON; restore it or start another run.`, { cause: error });
  }
  return parse(configurationSchema, value, path);
}

/** Fixed crops of the validation split, or, if there is none, of the training split. */
async function validationCrops({ training, dataset: spec }: Configuration, dataset: SegmentationDataset): Promise<Batch[]> {
  const split = dataset.splits.validation.length > 0 ? "validation" : "train";
  const source = await createWorkerBatchSource(spec as DatasetSpec, {
    split,
    batchSize: training.batchSize,
    cropSize: training.cropSize,
    seed: `${training.seed}/validation`,
    fieldOfViewFraction: 0.9,
  });
  try {
    return await Promise.all(Array.from({ length: validationBatches }, (_, step) => source.batch(step)));
  } finally {
    await source.close();
  }
}

const colours = ["#000000", "#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#bfef45"];

function describe({ training, inference }: Configuration, dataset: SegmentationDataset): BundleDescription {
  const names = dataset.classes === 1 ? ["background", ...dataset.classNames.slice(-1)] : dataset.classNames;
  return {
    name: `${dataset.name}-${training.seed}`,
    description: `Trained on ${dataset.name}.`,
    inference,
    classes: names.map((name, label) => ({ label, name, colour: colours[label % colours.length]! })),
    provenance: { dataset: dataset.name, training },
  };
}
