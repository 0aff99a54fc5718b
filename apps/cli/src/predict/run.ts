import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/node";
import type { RasterImage } from "@hidiff/datasets";
import { readImage, writePng } from "@hidiff/datasets/node";
import type { HiDiff, HiDiffOptions, InferenceOptions, Segmentation } from "hidiff";
import { useBackend } from "../backend.ts";
import { usageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { writeManifest } from "../files/manifest.ts";
import { type InferenceFlags, inferenceOptions } from "../options/inference.ts";
import { describeEngine, openModel } from "../options/model.ts";
import { parseColour } from "../pictures/colour.ts";
import { greyPicture, largestVariance, maskPicture, type Picture } from "../pictures/maps.ts";
import { overlayPicture } from "../pictures/overlay.ts";
import { formatDuration } from "../terminal/duration.ts";
import { Output } from "../terminal/output.ts";
import { withProgress } from "../terminal/progress.ts";
import { findInputs, type PredictionInput } from "./inputs.ts";

export interface PredictOptions extends InferenceFlags, HiDiffOptions {
  readonly model: string;
  readonly out: string;
  readonly seed: number;
  readonly overlay?: boolean;
  readonly probability?: boolean;
  readonly uncertainty?: boolean;
  readonly backend?: string;
  readonly json?: boolean;
}

/** What became of one input. */
type Result = { readonly input: string; readonly sha256?: string } & (
  | { readonly width: number; readonly height: number; readonly seconds: number; readonly files: readonly string[] }
  | { readonly error: string }
);

/**
 * `hidiff predict`: segments files; one that cannot be is reported and the others are done.
 *
 * @throws HidiffError `cli.failed` in the end if an input could not be segmented
 */
export async function predict(inputs: readonly string[], options: PredictOptions): Promise<void> {
  const output = new Output(options);
  const startedAt = new Date();
  const images = await findInputs(inputs);
  const backend = await useBackend(options.backend, output);
  const { model, path } = await openModel(options.model, options);
  const inference = inferenceOptions(model, options);
  checkUncertainty(inference, options);
  await makeFolder(options.out);

  const results = await withProgress({ total: images.length, unit: "images" }, async (progress) => {
    const done: Result[] = [];
    for (const image of images) {
      const onProgress = (fraction: number): void => progress.update(done.length + 0.999 * fraction, image.name);
      onProgress(0);
      const result = await predictFile(model, image, { ...options, inference, onProgress });
      if ("error" in result) progress.note(`error: ${result.error}`);
      done.push(result);
      progress.update(done.length, image.name);
    }
    return done;
  });
  const details = { model: { path, name: model.manifest.name, checksums: model.manifest.checksums }, seed: options.seed, options: inference, engine: await describeEngine(model), results };
  model.dispose();
  const manifest = await writeManifest(options.out, { command: "predict", backend, startedAt, details });
  output.emit(manifest);
  const failed = results.filter((result) => "error" in result).length;
  output.print(`${results.length - failed} of ${results.length} segmented into ${options.out} in ${formatDuration(manifest.seconds)}.`);
  if (failed > 0) throw new HidiffError("cli.failed", `${failed} of ${results.length} inputs could not be segmented.`);
}

function checkUncertainty(inference: InferenceOptions, options: PredictOptions): void {
  if (options.uncertainty === true && inference.samples === 1 && !inference.flips) {
    throw usageError("--uncertainty is the variance over samples, so it needs --samples 2 or more.");
  }
}

interface FileOptions extends PredictOptions {
  readonly inference: InferenceOptions;
  readonly onProgress: (fraction: number) => void;
}

async function predictFile(model: HiDiff, { path, name }: PredictionInput, options: FileOptions): Promise<Result> {
  const start = performance.now();
  let sha256: string | undefined;
  try {
    sha256 = createHash("sha256").update(await readBytes(path)).digest("hex");
    const image = await readImage(path);
    requireChannels(model, image, path);
    const segmentation = await model.segment(image, { ...options.inference, seed: options.seed, onProgress: options.onProgress });
    const files: string[] = [];
    for (const [suffix, picture] of pictures(model, image, segmentation, options)) {
      const file = `${name}_${suffix}.png`;
      await writePng(join(options.out, file), picture);
      files.push(file);
    }
    return { input: path, sha256, width: image.width, height: image.height, seconds: (performance.now() - start) / 1000, files };
  } catch (error) {
    if (!isHidiffError(error)) throw error;
    return { input: path, ...(sha256 === undefined ? {} : { sha256 }), error: error.message };
  }
}

function readBytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
}

const channelNames: Readonly<Record<number, string>> = { 1: "grey (1 channel)", 3: "RGB (3 channels)" };

function requireChannels({ manifest }: HiDiff, image: RasterImage, path: string): void {
  const expected = manifest.architecture.imageChannels;
  if (image.channels === expected) return;
  const describe = (channels: number): string => channelNames[channels] ?? `${channels} channels`;
  throw new HidiffError(
    "cli.channels",
    `${path} is ${describe(image.channels)}, but the model ${manifest.name} takes images that are ${describe(expected)}; convert the image or use another model.`,
  );
}

/** The pictures to write, by the suffix of their names. */
function pictures(
  { manifest }: HiDiff,
  image: RasterImage,
  { classes, mask, probability, uncertainty }: Segmentation,
  options: PredictOptions,
): [suffix: string, picture: Picture][] {
  const foreground = manifest.classes.filter(({ label }) => label > 0);
  const perClass = (kind: string, values: Float32Array, white: number): [string, Picture][] =>
    foreground.map(({ label, name }) => {
      const channel = classes === 1 ? 0 : label;
      return [classes === 1 ? kind : `${kind}_${name.replaceAll(/[^\w-]+/g, "-")}`, greyPicture(values, image, { channels: classes, channel, white })];
    });
  const colours = new Map(foreground.map(({ label, colour }) => [label, parseColour(colour)]));
  return [
    ["mask", maskPicture(mask, image, classes)],
    ...(options.overlay === true ? [["overlay", overlayPicture(image, mask, colours)] as [string, Picture]] : []),
    ...(options.probability === true ? perClass("probability", probability, 1) : []),
    ...(options.uncertainty === true && uncertainty !== undefined ? perClass("uncertainty", uncertainty, largestVariance) : []),
  ];
}
