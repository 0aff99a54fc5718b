import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor";
import { exists, fileError, removeAbandoned, writeFileAtomic } from "@hidiff/core-tensor/node";
import { parse } from "@hidiff/datasets";
import { type Configuration, configurationSchema } from "../config/schema.ts";
import { firstDifference } from "../training/first-difference.ts";
import { runFiles } from "./run-files.ts";

/**
 * Makes a run folder ready.
 *
 * @returns notes on what a resumed training does in another way from here on
 * @throws HidiffError `run.exists`, `run.nothing`, `run.configuration`, `file.write`
 */
export async function prepareRunFolder(folder: string, configuration: Configuration, resume: boolean): Promise<string[]> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError("write", folder, error);
  });
  for (const part of [folder, join(folder, runFiles.pictures)]) await removeAbandoned(part);
  const hasCheckpoint = await exists(join(folder, runFiles.checkpoint));
  if (hasCheckpoint && !resume) {
    throw new HidiffError("run.exists", `${folder} already holds a training; resume it, or choose another folder.`);
  }
  if (!resume) {
    await writeRunConfiguration(folder, configuration);
    return [];
  }
  if (!hasCheckpoint) throw new HidiffError("run.nothing", `${folder} has no ${runFiles.checkpoint} to resume from; start without resuming.`);
  const stored = await readRunConfiguration(folder);
  const difference = firstDifference(decisive(stored), decisive(configuration));
  if (difference !== undefined) {
    throw new HidiffError(
      "run.configuration",
      `The configuration differs from that of the run, ${join(folder, runFiles.configuration)}: ${difference}. ` +
        "The run would not equal an uninterrupted one; resume without that change, or start another run.",
    );
  }
  const adjusted = firstDifference(adjustable(stored), adjustable(configuration));
  return adjusted === undefined ? [] : [`The run was begun with other settings (${adjusted}); from here on it no longer equals an uninterrupted one.`];
}

/** Writes the whole configuration, every default included. Throws HidiffError `file.write`. */
export function writeRunConfiguration(folder: string, configuration: Configuration): Promise<void> {
  return writeFileAtomic(join(folder, runFiles.configuration), `${JSON.stringify(configuration, null, 2)}\n`);
}

/** The configuration that a run folder holds: that of its last start. Throws HidiffError `file.read`, `run.configuration`, `config.*`. */
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

/**
 * What the numbers of a training depend on: not how many threads make its batches, nor how often it is saved and pictured, nor
 * where the data set and slices and masks of it lie, for folders may move. (Another architecture does not fit the checkpoint.)
 */
function decisive({ dataset, training, preprocessing, priors, inference }: Configuration): object {
  const { root: _root, ...spec } = dataset;
  const { checkpointInterval: _interval, pictures: _pictures, gradientClip: _clip, ...options } = training;
  const { slices, badCases } = training.data;
  const { learningRate: _rate, ...pretraining } = training.pretraining;
  const { refinerLearningRate: _refiner, segmentorLearningRate: _segmentor, ...alternating } = training.alternating;
  const { batchSize: _batch, ...validation } = inference;
  return {
    dataset: spec,
    preprocessing,
    ...(priors === undefined ? {} : { priors: "a folder" }),
    training: { ...options, data: { slices, badCases }, pretraining, alternating },
    inference: validation,
  };
}

/**
 * What may change when a training is resumed that diverged, or took too much memory at its looks: which numbers chains draw
 * depends on how many of them run at once.
 */
function adjustable({ training: { gradientClip, pretraining, alternating }, inference }: Configuration): object {
  const { refinerLearningRate, segmentorLearningRate } = alternating;
  const training = { gradientClip, pretraining: { learningRate: pretraining.learningRate }, alternating: { refinerLearningRate, segmentorLearningRate } };
  return { training, inference: { batchSize: inference.batchSize } };
}
