import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { findPriors } from "@hidiff/datasets/node";
import { type HiDiff, type HiDiffOptions, type InferenceOptions, takesPriors } from "hidiff";
import { useBackend } from "../backend.ts";
import { stopped, usageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { writeManifest } from "../files/manifest.ts";
import { type InferenceFlags, inferenceOptions } from "../options/inference.ts";
import { checkPriorsOption, describeEngine, openModel } from "../options/model.ts";
import { formatDuration } from "../terminal/duration.ts";
import { withInterruption } from "../terminal/interruption.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { groupCases, type PredictionCase } from "./cases.ts";
import { type FoundPath, findInputs, isVolume } from "./inputs.ts";
import { checksum, readCase, readCasePrior } from "./read-case.ts";
import { type ResultOptions, writeResults } from "./write-results.ts";

export interface PredictOptions extends InferenceFlags, HiDiffOptions, ResultOptions {
  readonly model: string;
  /** A folder with another program's masks or probabilities, a file an input. */
  readonly priors?: string;
  readonly seed: number;
  readonly backend?: string;
  readonly json?: boolean;
}

/** What became of one input. */
type Result = { readonly input: string; readonly channels?: readonly string[]; readonly prior?: string; readonly sha256?: string } & (
  | { readonly width: number; readonly height: number; readonly depth?: number; readonly seconds: number; readonly files: readonly string[] }
  | { readonly error: string }
);

/**
 * `hidiff predict`: segments images and volumes; one that cannot be is reported and the others are done. Ctrl-C ends it
 * between two slices; what is done then stays, with its manifest.
 *
 * @throws HidiffError in the end: `cli.stopped` after Ctrl-C, `cli.failed` if an input could not be segmented
 */
export async function predict(inputs: readonly string[], options: PredictOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const found = await findInputs(inputs);
  const backend = await useBackend(options.backend, output);
  const { model, path } = await openModel(options.model, options);
  const inference = inferenceOptions(model, options);
  checkUncertainty(inference, options);
  checkPriorsOption(model, options.priors);
  if (options.priors === undefined && takesPriors(model.model)) {
    throw usageError(`the model ${model.manifest.name} refines another program's masks; give those of the inputs with --priors FOLDER.`);
  }
  const cases = await casesOf(model, found);
  const priors = options.priors === undefined ? undefined : await findPriors(options.priors, cases.map(({ name }) => name));
  await makeFolder(options.out);
  for (const note of priors?.notes ?? []) output.note(note);

  const results = await withProgress({ total: cases.length, unit: "images" }, (progress) => withInterruption(() => progress.note("Stopping; Ctrl-C once more stops at once."), async (check) => {
    const done: Result[] = [];
    try {
      for (const image of cases) {
        const onProgress = (fraction: number): Promise<void> => {
          progress.update(done.length + 0.999 * fraction, image.name);
          return check();
        };
        await onProgress(0);
        const result = await predictCase(model, image, { ...options, inference, onProgress, priorPath: priors?.files.get(image.name) });
        if ("error" in result) progress.note(`error: ${result.error}`);
        done.push(result);
        progress.update(done.length, image.name);
      }
    } catch (error) {
      if (!isStop(error)) throw error;
    }
    return done;
  }));
  const details = { model: { path, name: model.manifest.name, checksums: model.manifest.checksums }, seed: options.seed, options: inference, engine: await describeEngine(model), results };
  model.dispose();
  const manifest = await writeManifest(options.out, { command: "predict", backend, startedAt, details });
  output.emit(manifest);
  const failed = results.filter((result) => "error" in result).length;
  output.print(`${results.length - failed} of ${results.length} segmented into ${options.out} in ${formatDuration(manifest.seconds)}.`);
  const left = cases.length - results.length;
  if (left > 0) throw new HidiffError(stopped, `${left} of ${cases.length} inputs are not done; the same command does everything anew.`);
  if (failed > 0) throw new HidiffError("cli.failed", `${failed} of ${results.length} inputs could not be segmented.`);
}

function isStop(error: unknown): boolean {
  return isHidiffError(error) && error.code === stopped;
}

function checkUncertainty(inference: InferenceOptions, options: PredictOptions): void {
  if (options.uncertainty === true && inference.samples === 1 && !inference.flips) {
    throw usageError("--uncertainty is the variance over samples, so it needs --samples 2 or more.");
  }
}

async function casesOf({ manifest }: HiDiff, found: readonly FoundPath[]): Promise<PredictionCase[]> {
  const volumes = await Promise.all(found.map(async ({ path }) => ((await isVolume(path)) ? [path] : [])));
  return groupCases(found, { count: manifest.architecture.imageChannels, channelNames: manifest.channelNames }, new Set(volumes.flat()));
}

interface CaseOptions extends PredictOptions {
  readonly inference: InferenceOptions;
  readonly onProgress: (fraction: number) => Promise<void>;
  /** The file of the input's prior. */
  readonly priorPath: string | undefined;
}

async function predictCase(model: HiDiff, input: PredictionCase, options: CaseOptions): Promise<Result> {
  const start = performance.now();
  const { paths, name, problem } = input;
  const named = {
    input: paths[0]!,
    ...(paths.length === 1 ? {} : { channels: paths }),
    ...(options.priorPath === undefined ? {} : { prior: options.priorPath }),
  };
  let sha256: string | undefined;
  try {
    if (problem !== undefined) throw new HidiffError("cli.channels", problem);
    sha256 = await checksum(input);
    const found = await readCase(input, model.manifest);
    const prior = options.priorPath === undefined ? undefined : await readCasePrior(options.priorPath, found, model.manifest);
    const segmentation = await model.segment(found.image, {
      ...options.inference,
      seed: options.seed,
      prior,
      maps: [...(options.probability === true ? (["probability"] as const) : []), ...(options.uncertainty === true ? (["uncertainty"] as const) : [])],
      onProgress: options.onProgress,
    });
    const files = await writeResults(name, found, segmentation, model.manifest, options);
    const { depth, height, width } = found.image;
    return { ...named, sha256, width, height, ...(found.volume === undefined ? {} : { depth }), seconds: (performance.now() - start) / 1000, files };
  } catch (error) {
    if (!isHidiffError(error) || isStop(error)) throw error;
    return { ...named, ...(sha256 === undefined ? {} : { sha256 }), error: error.message };
  }
}
