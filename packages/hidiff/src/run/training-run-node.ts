import { appendFile, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Generator, HidiffError, isHidiffError } from "@hidiff/core-tensor";
import { fileError, removeAbandoned, writeFileAtomic } from "@hidiff/core-tensor/node";
import { namesByLabel, parse, type SegmentationDataset } from "@hidiff/datasets";
import { MaskSegmentor } from "@hidiff/segmentors";
import { writeBundle } from "../bundle/bundle-node.ts";
import { type BundleDescription, encodeBundle } from "../bundle/bundle.ts";
import { classColour } from "../bundle/class-colours.ts";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { readModelFile } from "../external/read-model-file-node.ts";
import { takesPriors } from "../inference/segment.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { restoreCheckpoint, writeCheckpoint } from "../training/checkpoint-node.ts";
import { pretrainSegmentor } from "../training/pretrain-segmentor.ts";
import type { TrainingReport } from "../training/report.ts";
import { TrainingSession } from "../training/session.ts";
import { trainAlternating } from "../training/train-alternating.ts";
import { validate, type ValidationReport } from "../training/validate.ts";
import { loadInitialWeights } from "../weights/initial-weights-node.ts";
import { openTrainingBatches, openTrainingDataset } from "./training-batches-node.ts";

/** The files of a run folder. */
export const runFiles = {
  configuration: "configuration.json",
  checkpoint: "checkpoint.safetensors",
  log: "log.jsonl",
  /** Preprocessed slices of volumes; may be deleted. */
  slices: "slices",
  bundle: "bundle",
} as const;

export interface TrainingRunOptions {
  /** Where everything is written. Made if it does not exist. */
  readonly folder: string;
  /** Whether to continue from the folder's checkpoint. Without it, a folder that has one is an error. */
  readonly resume?: boolean;
  /** Stops after the iteration that runs, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Called first, with what the user should know of the data set's files, and of a segmentor that is not trained. */
  readonly onNote?: (note: string) => void;
  /** Called after each case, where cases are read before the training begins. */
  readonly onPreparation?: (done: number, total: number) => void;
  /** Called for each case that cannot be read and is left out (`training.data.badCases: "skip"`). */
  readonly onBadCase?: (id: string, error: Error) => void;
  readonly onIteration?: (report: TrainingReport) => void | Promise<void>;
  readonly onValidation?: (report: ValidationReport, session: TrainingSession) => void;
  readonly onCheckpoint?: (path: string) => void;
}

export interface TrainingRunResult {
  /** False if it was stopped; the checkpoint then holds all that was done. */
  readonly complete: boolean;
  /** The bundle's folder, if the training is complete. */
  readonly bundle: string | undefined;
  /** The fraction of the training's time that was spent waiting for batches. */
  readonly waiting: number;
  readonly model: HybridModel;
}

/**
 * Trains as a configuration says, in a folder of its own: configuration, log, checkpoint and, in the end, the bundle.
 * A run that was stopped and resumed equals one that was not.
 *
 * @throws HidiffError `run.exists`, `run.configuration`, `run.nothing`, `run.priors` for a segmentor that takes masks computed
 * before and a data set without them, and those of data sets, segmentors, checkpoints and training
 */
export async function runTraining(configuration: Configuration, options: TrainingRunOptions): Promise<TrainingRunResult> {
  const { folder, resume = false } = options;
  const dataset = await openTrainingDataset(configuration);
  await prepareFolder(folder, configuration, resume);
  for (const note of dataset.notes ?? []) options.onNote?.(note);

  const { training } = configuration;
  const { imageChannels, classes } = dataset;
  const architecture = { ...configuration.architecture, imageChannels, classes };
  const model = new HybridModel(architecture, new Generator(training.seed).split("parameters"), readModelFile);
  try {
    return await trainModel(configuration, dataset, model, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function trainModel(
  configuration: Configuration,
  dataset: SegmentationDataset,
  model: HybridModel,
  options: TrainingRunOptions,
): Promise<TrainingRunResult> {
  const { folder, resume = false, signal } = options;
  const path = (file: string): string => join(folder, file);
  await openSegmentor(model, dataset, configuration, options);
  const { initialWeights } = configuration.training;
  if (initialWeights !== undefined && !resume) await loadInitialWeights(model, initialWeights);
  const session = new TrainingSession(model, configuration.training);
  if (resume) await restoreCheckpoint(path(runFiles.checkpoint), session);

  const log = async (entry: object): Promise<void> => {
    await appendFile(path(runFiles.log), `${JSON.stringify(entry)}\n`).catch((error: unknown) => {
      throw fileError("write", path(runFiles.log), error);
    });
  };
  const onCheckpoint = async (): Promise<void> => {
    await writeCheckpoint(path(runFiles.checkpoint), session);
    options.onCheckpoint?.(path(runFiles.checkpoint));
  };
  let opened: Awaited<ReturnType<typeof openTrainingBatches>>;
  try {
    opened = await openTrainingBatches(configuration, dataset, path(runFiles.slices), {
      signal,
      onProgress: options.onPreparation,
      onBadCase: options.onBadCase,
    });
  } catch (error) {
    if (!isHidiffError(error) || error.code !== "datasets.stopped") throw error;
    await onCheckpoint();
    return { complete: false, bundle: undefined, waiting: 0, model };
  }
  const { batches, crops } = opened;
  for (const { id, reason } of batches.index.skipped) await log({ skipped: id, reason });
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
    onCheckpoint,
  };
  const start = performance.now();
  let waiting = 0;
  try {
    const complete = (await pretrainSegmentor(session, batches, callbacks)) && (await trainAlternating(session, batches, callbacks));
    waiting = Math.min(1, batches.waited / (performance.now() - start));
    if (!complete) return { complete, bundle: undefined, waiting, model };
  } finally {
    await batches.close();
  }
  session.average.apply();
  const files = await encodeBundle(model, model.refiner.stateDict(), describe(configuration, dataset));
  await writeBundle(path(runFiles.bundle), files);
  return { complete: true, bundle: path(runFiles.bundle), waiting, model };
}

/** Gets the segmentor ready, and says what of it is not trained. */
async function openSegmentor(model: HybridModel, dataset: SegmentationDataset, { training, priors }: Configuration, { onNote }: TrainingRunOptions): Promise<void> {
  const { architecture, segmentor } = model;
  const { name } = architecture.segmentor;
  if (priors !== undefined && !takesPriors(model)) {
    throw new HidiffError("run.priors", `The segmentor "${name}" computes its masks itself, so that the masks in ${priors.folder} would be of no use; leave \`priors\` out, or take the segmentor "masks".`);
  }
  if (segmentor instanceof MaskSegmentor && segmentor.needsMaps && priors === undefined && !(await hasPriors(dataset))) {
    throw new HidiffError(
      "run.priors",
      `The segmentor "${name}" takes masks that were computed before, and the data set "${dataset.name}" comes without; give their folder: ` +
        "`priors.folder` in the configuration, `--priors FOLDER` on the command line.",
    );
  }
  await segmentor.open();
  const { sizeMultiple } = segmentor;
  if (training.cropSize % sizeMultiple !== 0) {
    throw new HidiffError("run.crop", `The segmentor "${name}" takes images whose sides are multiples of ${sizeMultiple}; change training.cropSize, which is ${training.cropSize}.`);
  }
  if (segmentor.trainable) return;
  const served = segmentor.parameters().length > 0 ? " and the feature maps that are made for it" : "";
  onNote?.(`The segmentor "${name}" cannot be trained: pre-training is skipped, and the alternation trains the refiner${served}.`);
}

/** Whether cases have priors of their own, as far as the first one shows: one that cannot be read is reported later. */
async function hasPriors(dataset: SegmentationDataset): Promise<boolean> {
  const [first] = dataset.splits.train;
  if (first === undefined) return true;
  return dataset.load(first).then(
    ({ prior }) => prior !== undefined,
    () => true,
  );
}

async function prepareFolder(folder: string, configuration: Configuration, resume: boolean): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", folder, error);
  });
  await removeAbandoned(folder);
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
  if (decisive(stored) !== decisive(configuration)) {
    throw new HidiffError(
      "run.configuration",
      `The data set, its priors, the training options or the preprocessing differ from those in ${configurationPath}, so that the run would not equal an uninterrupted one; resume with that file.`,
    );
  }
}

/**
 * What the numbers of a training depend on, as text: not how many threads make its batches, nor where the data set and
 * slices and masks of it lie, for folders may move.
 */
function decisive({ dataset, training, preprocessing, priors }: Configuration): string {
  const { slices, badCases } = training.data;
  const options = Object.entries(dataset).filter(([name]) => name !== "root").sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([options, preprocessing, priors !== undefined, { ...training, data: { slices, badCases } }]);
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

function describe({ training, inference, preprocessing, dataset: spec }: Configuration, dataset: SegmentationDataset): BundleDescription {
  const names = namesByLabel(dataset);
  return {
    name: `${dataset.name}-${training.seed}`,
    description: `Trained on ${dataset.name}.`,
    inference,
    classes: names.map((name, label) => ({ label, name, colour: classColour(label) })),
    ...(dataset.channelNames === undefined ? {} : { channelNames: dataset.channelNames }),
    preprocessing: { steps: preprocessing ?? dataset.preprocessing, ...(dataset.volumes === undefined ? {} : { volumes: dataset.volumes }) },
    provenance: { dataset: spec.name, training },
  };
}
