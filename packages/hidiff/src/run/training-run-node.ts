import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Generator, HidiffError, isHidiffError } from "@hidiff/core-tensor";
import { fileError } from "@hidiff/core-tensor/node";
import { type Batch, namesByLabel, type SegmentationDataset } from "@hidiff/datasets";
import { writePng } from "@hidiff/datasets/node";
import { writeBundle } from "../bundle/bundle-node.ts";
import { type BundleDescription, encodeBundle } from "../bundle/bundle.ts";
import { classColour } from "../bundle/class-colours.ts";
import { withoutMachinePaths } from "../bundle/provenance.ts";
import type { Configuration } from "../config/schema.ts";
import { readModelFile } from "../external/read-model-file-node.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { loadBest, restoreCheckpoint, writeBest, writeCheckpoint } from "../training/checkpoint-node.ts";
import { lookAtCrops, type SegmentedCrop } from "../training/look-at-crops.ts";
import type { Look } from "../training/look-history.ts";
import { pretrainSegmentor } from "../training/pretrain-segmentor.ts";
import type { TrainingReport } from "../training/report.ts";
import { type TrainingProgress, TrainingSession } from "../training/session.ts";
import { trainAlternating } from "../training/train-alternating.ts";
import { validate } from "../training/validate.ts";
import { loadInitialWeights } from "../weights/initial-weights-node.ts";
import { cropsPicture } from "./crops-picture.ts";
import { openSegmentor } from "./open-segmentor.ts";
import { checkSelection, explainSelection } from "./parameter-selection.ts";
import { runFiles } from "./run-files.ts";
import { prepareRunFolder, writeRunConfiguration } from "./run-folder-node.ts";
import { RunLog } from "./run-log-node.ts";
import { RunMetrics } from "./run-metrics-node.ts";
import type { ValidationRecord } from "./run-records.ts";
import { openTrainingBatches, openTrainingDataset, type TrainingBatches } from "./training-batches-node.ts";

export interface TrainingRunOptions {
  /** Where everything is written. Made if it does not exist. */
  readonly folder: string;
  /** Whether to continue from the folder's checkpoint. Without it, a folder that has one is an error. */
  readonly resume?: boolean;
  /** What the log says of the program and the machine, by name. */
  readonly about?: Readonly<Record<string, string>>;
  /** Stops after the iteration that runs, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Called first, with what the user should know of the data set's files, and of a segmentor that is not trained. */
  readonly onNote?: (note: string) => void;
  /** Called after each case, where cases are read before the training begins. */
  readonly onPreparation?: (done: number, total: number) => void;
  /** Called for each case that cannot be read and is left out (`training.data.badCases: "skip"`). */
  readonly onBadCase?: (id: string, error: Error) => void;
  readonly onIteration?: (report: TrainingReport) => void | Promise<void>;
  readonly onValidation?: (record: ValidationRecord, session: TrainingSession) => void | Promise<void>;
  readonly onCheckpoint?: (path: string) => void;
}

export interface TrainingRunResult {
  /** False if it was stopped; the checkpoint then holds all that was done. */
  readonly complete: boolean;
  /** The bundle's folder, if the training is complete. */
  readonly bundle: string | undefined;
  /** Whether a resumed run was finished already, so that nothing was done. */
  readonly finishedBefore: boolean;
  /** The look whose parameters the bundle has; undefined if it has the last ones. */
  readonly selected: Look | undefined;
  /** The fraction of the training's time that was spent waiting for batches. */
  readonly waiting: number;
  readonly model: HybridModel;
}

/** What the parts of a run share. */
interface Run {
  readonly configuration: Configuration;
  readonly options: TrainingRunOptions;
  readonly dataset: SegmentationDataset;
  readonly model: HybridModel;
  readonly log: RunLog;
  /** The path of one of the folder's files. */
  readonly path: (file: string) => string;
  /** What the last checkpoint holds; undefined as long as there is none. */
  saved: TrainingProgress | undefined;
}

/**
 * Trains as a configuration says, in a folder of its own, which gets the files that {@link runFiles} names and, in the end, the
 * bundle. A run that was stopped or killed, and resumed, equals one that was not; one that is finished already is not trained
 * any further.
 *
 * @throws HidiffError `run.exists`, `run.configuration`, `run.nothing`, `config.selection`, `run.priors` for a segmentor that
 * takes masks computed before and a data set without them, `training.diverged`, and those of files, data sets, segmentors and
 * checkpoints; whatever happens, the last checkpoint stays as it is
 */
export async function runTraining(configuration: Configuration, options: TrainingRunOptions): Promise<TrainingRunResult> {
  const { folder, resume = false } = options;
  const dataset = await openTrainingDataset(configuration);
  checkSelection(configuration, dataset);
  const adjustments = await prepareRunFolder(folder, configuration, resume);
  const { training } = configuration;
  const { imageChannels, classes } = dataset;
  const architecture = { ...configuration.architecture, imageChannels, classes };
  const log = await RunLog.open(folder);
  try {
    const about = Object.entries(options.about ?? {}).map(([name, value]) => `${name} ${value}`);
    await log.write([resume ? "Resuming" : "Starting", ...about].join("; "));
    const model = new HybridModel(architecture, new Generator(training.seed).split("parameters"), readModelFile);
    const run: Run = { configuration, options, dataset, model, log, path: (file) => join(folder, file), saved: undefined };
    try {
      for (const note of [...adjustments, ...(dataset.notes ?? [])]) await tell(run, note);
      await log.write(explainSelection(configuration, dataset));
      return await trainModel(run);
    } catch (error) {
      model.dispose();
      throw withWayOn(error, run);
    }
  } catch (error) {
    await log.write(`Failed: ${error instanceof Error ? error.message : String(error)}`).catch(() => undefined); // the error itself matters more
    throw error;
  } finally {
    await log.close();
  }
}

async function trainModel(run: Run): Promise<TrainingRunResult> {
  const { configuration, options, dataset, model, log, path } = run;
  const { folder, resume = false } = options;
  await openSegmentor(model, dataset, configuration, (note) => tell(run, note));
  const { initialWeights } = configuration.training;
  if (initialWeights !== undefined && !resume) await loadInitialWeights(model, initialWeights);
  const session = new TrainingSession(model, configuration.training);
  if (resume) {
    await restoreCheckpoint(path(runFiles.checkpoint), session);
    run.saved = session.progress;
    await writeRunConfiguration(folder, configuration);
    await log.write(`Going on ${afterProgress(session.progress)}`);
  }
  const bundle = path(runFiles.bundle);
  const trained = session.isComplete;
  const finishedBefore = trained && (await isFolder(bundle));
  const { complete, waiting } = trained ? { complete: true, waiting: 0 } : await trainFurther(run, session);
  if (!complete) {
    await log.write(`Stopped ${afterProgress(session.progress)}`);
    return { complete, bundle: undefined, finishedBefore, selected: undefined, waiting, model };
  }
  if (session.stopsEarly) await log.write(`Ended early: the last ${session.looks.looksWithoutImprovement} looks showed no improvement.`);
  const { best } = session.looks;
  const selected = best === undefined || configuration.training.select === "last" ? undefined : await loadBest(path(runFiles.best), model);
  if (selected === undefined) session.average.apply();
  if (finishedBefore) {
    await log.write("It was finished before; nothing is changed.");
    return { complete, bundle, finishedBefore, selected, waiting, model };
  }
  const files = await encodeBundle(model, model.refiner.stateDict(), describe(configuration, dataset));
  await writeBundle(bundle, files);
  const parameters =
    selected === undefined ? "the last ones" : `of alternating iteration ${selected.iteration}, with a refined Dice of ${selected.refinedDice.toFixed(4)}`;
  await log.write(`Finished; the parameters of ${runFiles.bundle} are ${parameters}.`);
  return { complete, bundle, finishedBefore, selected, waiting, model };
}

/** Trains from where the session stands until the end, or until the signal comes. */
async function trainFurther(run: Run, session: TrainingSession): Promise<Pick<TrainingRunResult, "complete" | "waiting">> {
  const { configuration, options, dataset, log, path } = run;
  let opened: TrainingBatches;
  try {
    opened = await openTrainingBatches(configuration, dataset, path(runFiles.slices), {
      signal: options.signal,
      onProgress: options.onPreparation,
      onBadCase: options.onBadCase,
    });
  } catch (error) {
    if (!isHidiffError(error) || error.code !== "datasets.stopped") throw error;
    await saveCheckpoint(run, session);
    return { complete: false, waiting: 0 };
  }
  const { batches, crops } = opened;
  try {
    for (const { id, reason } of batches.index.skipped) await log.write(`Left out ${id}: ${reason}`);
    const metrics = await RunMetrics.open(options.folder, session.progress, stepOf(session));
    try {
      const start = performance.now();
      const callbacks = {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        onIteration: async (report: TrainingReport): Promise<void> => {
          await metrics.append({ type: "iteration", step: stepOf(session), ...report });
          await options.onIteration?.(report);
          if (wantsPicture(configuration, report)) await takePicture(run, session, crops, metrics);
        },
        onValidation: () => look(run, session, opened, metrics),
        onCheckpoint: async (): Promise<void> => {
          await metrics.flush();
          await saveCheckpoint(run, session);
        },
      };
      const complete = (await pretrainSegmentor(session, batches, callbacks)) && (await trainAlternating(session, batches, callbacks));
      return { complete, waiting: Math.min(1, batches.waited / (performance.now() - start)) };
    } finally {
      await metrics.close();
    }
  } finally {
    await batches.close();
  }
}

/** Validates, and keeps the parameters if they are the best so far: of images that are not trained on, in the alternation. */
async function look(run: Run, session: TrainingSession, { crops, cropsAreHeldOut }: TrainingBatches, metrics: RunMetrics): Promise<void> {
  const { configuration, options, log, path } = run;
  const start = performance.now();
  const report = await validate(session, crops, configuration.inference);
  const { phase, iteration } = momentOf(session);
  const best = cropsAreHeldOut && phase === "alternating" && session.recordLook(report.refinedDice);
  if (best) await writeBest(path(runFiles.best), session);
  const seconds = (performance.now() - start) / 1000;
  const record: ValidationRecord = { type: "validation", ...momentOf(session), ...report, best, seconds };
  await metrics.append(record);
  const scores = `Dice segmentor ${report.segmentorDice.toFixed(4)}, refined ${report.refinedDice.toFixed(4)}`;
  await log.write(`Validation after ${phase} iteration ${iteration}: ${scores}${best ? ", the best so far" : ""}`);
  await options.onValidation?.(record, session);
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

function wantsPicture({ training }: Configuration, { iteration, total }: TrainingReport): boolean {
  const { interval } = training.pictures;
  return training.validationInterval > 0 && interval > 0 && (iteration % interval === 0 || iteration === total);
}

async function takePicture({ configuration, path }: Run, session: TrainingSession, crops: readonly Batch[], metrics: RunMetrics): Promise<void> {
  const shown: SegmentedCrop[] = [];
  await lookAtCrops(session, crops, configuration.inference, (crop) => shown.push(crop), configuration.training.pictures.count);
  const picture = cropsPicture(shown);
  await mkdir(path(runFiles.pictures), { recursive: true }).catch((error: unknown) => {
    throw fileError("write", path(runFiles.pictures), error);
  });
  const moment = momentOf(session);
  const file = `${runFiles.pictures}/${String(moment.step).padStart(7, "0")}-${moment.phase}.png`;
  await writePng(path(file), picture);
  await metrics.append({ type: "picture", ...moment, file, height: picture.height, width: picture.width });
}

async function saveCheckpoint(run: Run, session: TrainingSession): Promise<void> {
  const path = run.path(runFiles.checkpoint);
  await writeCheckpoint(path, session);
  run.saved = session.progress;
  run.options.onCheckpoint?.(path);
}

function momentOf(session: TrainingSession): Pick<ValidationRecord, "phase" | "iteration" | "step"> {
  const phase = session.progress.alternating > 0 ? "alternating" : "pretraining";
  return { phase, iteration: session.progress[phase], step: stepOf(session) };
}

/** The iterations of both phases; a pre-training that is skipped has none. */
function stepOf({ progress, model }: TrainingSession): number {
  return (model.segmentor.trainable ? progress.pretraining : 0) + progress.alternating;
}

async function tell({ log, options }: Run, note: string): Promise<void> {
  await log.write(note);
  options.onNote?.(note);
}

/** An error that ended the training, with how to go on: after a divergence, at half the learning rate. */
function withWayOn(error: unknown, { saved, path, configuration, options }: Run): unknown {
  if (!isHidiffError(error) || (error.code !== "training.diverged" && error.code !== "file.write")) return error;
  if (saved === undefined) return new HidiffError(error.code, `${error.message} There is no checkpoint yet: start again.`, { cause: error });
  const change = error.code === "training.diverged" ? ` --set ${smallerLearningRate(configuration, saved)}` : "";
  const sound = `The checkpoint ${path(runFiles.checkpoint)}, ${afterProgress(saved)}, is sound: go on from it by \`hidiff train --resume ${options.folder}${change}\`.`;
  return new HidiffError(error.code, `${error.message} ${sound}`, { cause: error });
}

function smallerLearningRate({ training: { pretraining, alternating } }: Configuration, saved: TrainingProgress): string {
  const [name, rate] =
    saved.pretraining < pretraining.iterations
      ? ["pretraining.learningRate", pretraining.learningRate]
      : ["alternating.refinerLearningRate", alternating.refinerLearningRate];
  return `training.${name}=${Number((rate / 2).toPrecision(2))}`;
}

function afterProgress({ pretraining, alternating }: TrainingProgress): string {
  return alternating > 0 ? `after alternating iteration ${alternating}` : `after pretraining iteration ${pretraining}`;
}

/** What the bundle says of itself; of how it was made, what does not differ between two trainings of one configuration. */
function describe(configuration: Configuration, dataset: SegmentationDataset): BundleDescription {
  const { training, inference, preprocessing, dataset: spec } = configuration;
  const names = namesByLabel(dataset);
  const { train, validation, test } = dataset.splits;
  return {
    name: `${dataset.name}-${training.seed}`,
    description: `Trained on ${dataset.name}.`,
    inference,
    classes: names.map((name, label) => ({ label, name, colour: classColour(label) })),
    ...(dataset.channelNames === undefined ? {} : { channelNames: dataset.channelNames }),
    preprocessing: { steps: preprocessing ?? dataset.preprocessing, ...(dataset.volumes === undefined ? {} : { volumes: dataset.volumes }) },
    provenance: {
      dataset: spec.name,
      images: { train: train.length, validation: validation.length, test: test.length },
      seed: training.seed,
      configuration: withoutMachinePaths({ ...configuration }),
    },
  };
}
