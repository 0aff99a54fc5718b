import { sampleAncestral, sampleDdim } from "@hidiff/bernoulli-diffusion";
import { Generator, HidiffError, tidy, type Tensor, type Tensor4D, tile } from "@hidiff/core-tensor";
import { backgroundProbabilities } from "@hidiff/datasets";
import { MaskSegmentor, prior as priorOf, SegmentorModule } from "@hidiff/segmentors";
import type { InferenceOptions } from "../config/schema.ts";
import { type HybridModel, mapTensor } from "../model/hybrid-model.ts";
import type { PackedInputs, PackedRefiner } from "../packed/packed-refiner.ts";
import type { RefinerInputs } from "../refiner/refiner.ts";
import { JoinedGenerator } from "./joined-generator.ts";
import { keepLargestPerClass, labelMap } from "./labels.ts";
import { coverWithWindows, cutWindows, type Window, WindowBlender } from "./windows.ts";

/** An image as the networks take it. */
export interface NetworkImage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** `[height, width, channels]`, normalized as in training. */
  readonly data: Float32Array;
  /** What lies outside of the image, one value a channel: fills windows that reach over its border. Default: −1 each. */
  readonly outside?: readonly number[];
  /** Another program's probabilities, `[height, width, classes]` in [0, 1]: for models whose segmentor takes them as the prior. */
  readonly prior?: Float32Array | undefined;
}

/** One refinement step of an image, put together from its windows: the first sample's. */
export interface RefinementStep {
  readonly t: number;
  /** Of the image as the networks take it. */
  readonly height: number;
  readonly width: number;
  /** Latent mask, `[height, width, classes]`. */
  readonly yt: Float32Array;
  /** The mask estimated at this step, `[height, width, classes]`, in [0, 1]. */
  readonly y0Hat: Float32Array;
}

export interface SegmentOptions extends InferenceOptions {
  /** The same seed gives the same chains. */
  readonly seed: number | string;
  /** The model's refiner, compiled: computes the refinement in place of the training graph. */
  readonly packedRefiner?: PackedRefiner | undefined;
  /** Called for every refinement step of the first sample, from t = T − 1 to 0, once the image is done. */
  readonly onStep?: (step: RefinementStep) => void;
  /** Called with the finished fraction, in (0, 1]. */
  readonly onProgress?: (fraction: number) => void | Promise<void>;
}

export interface Segmentation {
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  /** The label per pixel `[height, width]`: 0 or 1 for one class (probability > 0.5), else the most probable class. */
  readonly mask: Uint8Array;
  /** `[height, width, classes]`: the mean over the samples. */
  readonly probability: Float32Array;
  /** Variance over the samples, `[height, width, classes]`; undefined for one sample. */
  readonly uncertainty: Float32Array | undefined;
  /** The segmentor's own probability, `[height, width, classes]`. */
  readonly prior: Float32Array;
  /** The segmentor's own mask. */
  readonly priorMask: Uint8Array;
}

/**
 * Segments an image: the segmentor's prior, refined by `samples` chains whose mean is the result (the method, §7).
 * Images larger than the window are covered by overlapping windows; padding is cropped back.
 *
 * @throws HidiffError `segment.channels` for an image with another number of channels than the model's, `segment.values`
 * for one with NaN or infinite numbers, `segment.prior` for a prior of another size, and for one that the model's segmentor
 * does not take; what the segmentor throws, such as without a prior that it needs
 */
export async function segment(model: HybridModel, image: NetworkImage, options: SegmentOptions): Promise<Segmentation> {
  checkImage(model, image);
  const mirrorings = options.flips ? [0, 1, 2, 3] : [0];
  const maps: BlendedMaps[] = [];
  for (const [index, mirroring] of mirrorings.entries()) {
    const mirrored = {
      ...image,
      data: mirror(image.data, image, image.channels, mirroring),
      prior: image.prior === undefined ? undefined : mirror(image.prior, image, model.architecture.classes, mirroring),
    };
    const onStep = mirroring === 0 ? options.onStep : undefined;
    const result = await segmentWindows(model, mirrored, { ...options, onStep } as SegmentOptions, index, mirrorings.length);
    maps.push(mapValues(result, (values) => mirror(values, image, model.architecture.classes, mirroring)));
  }
  return finish(model, image, options, maps);
}

/** Whether a model's segmentor takes probabilities that come with images. Those that compute their own prior do not. */
export function takesPriors({ segmentor }: HybridModel): boolean {
  if (segmentor instanceof MaskSegmentor) return segmentor.needsMaps;
  return segmentor.externalPrior !== SegmentorModule.prototype.externalPrior;
}

interface BlendedMaps {
  readonly prior: Float32Array;
  readonly probability: Float32Array;
  readonly square: Float32Array;
}

function mapValues(maps: BlendedMaps, change: (values: Float32Array) => Float32Array): BlendedMaps {
  return { prior: change(maps.prior), probability: change(maps.probability), square: change(maps.square) };
}

function finish(model: HybridModel, { height, width }: NetworkImage, options: SegmentOptions, maps: readonly BlendedMaps[]): Segmentation {
  const { classes } = model.architecture;
  const average = (pick: (map: BlendedMaps) => Float32Array): Float32Array =>
    pick(maps[0]!).map((_, index) => maps.reduce((sum, map) => sum + pick(map)[index]!, 0) / maps.length);
  const probability = average(({ probability: values }) => values);
  const square = average(({ square: values }) => values);
  const prior = average(({ prior: values }) => values);
  const label = (values: Float32Array): Uint8Array => {
    const labels = labelMap(values, classes);
    return options.keepLargestComponent ? keepLargestPerClass(labels, [height, width], classes) : labels;
  };
  const chains = options.samples * maps.length;
  return {
    height,
    width,
    classes,
    mask: label(probability),
    probability,
    uncertainty: chains > 1 ? square.map((value, index) => Math.max(0, value - probability[index]! ** 2)) : undefined,
    prior,
    priorMask: label(prior),
  };
}

function checkImage(model: HybridModel, { height, width, channels, data, outside, prior }: NetworkImage): void {
  const { imageChannels, classes } = model.architecture;
  if (channels !== imageChannels || data.length !== height * width * channels || (outside !== undefined && outside.length !== channels)) {
    const around = outside === undefined ? "" : `, ${outside.length} value(s) for what lies outside`;
    throw new HidiffError(
      "segment.channels",
      `segment: the model takes images with ${imageChannels} channel(s), got ${channels} (${height}×${width}, ${data.length} numbers${around}).`,
    );
  }
  if (prior !== undefined && !takesPriors(model)) {
    throw new HidiffError("segment.prior", "segment: the model's segmentor computes the prior itself; segment without one, or take a model that was trained with some.");
  }
  if (prior !== undefined && prior.length !== height * width * classes) {
    throw new HidiffError(
      "segment.prior",
      `segment: the prior of the image of ${height}×${width} needs ${height * width * classes} numbers, ${classes} a pixel, got ${prior.length}; give one of the image's size.`,
    );
  }
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong === -1) return;
  const pixel = Math.floor(wrong / channels);
  throw new HidiffError(
    "segment.values",
    `segment: the image has the value ${data[wrong]} at row ${Math.floor(pixel / width)}, column ${pixel % width}; replace what is not a number first.`,
  );
}

/** One pass over the windows of an image. */
async function segmentWindows(
  model: HybridModel,
  image: NetworkImage,
  options: SegmentOptions,
  pass: number,
  passes: number,
): Promise<BlendedMaps> {
  const { height, width } = image;
  const { classes } = model.architecture;
  const windows = coverWithWindows(height, width, options.window, options.overlap, model.segmentor.sizeMultiple);
  const blender = (): WindowBlender => new WindowBlender([height, width, classes]);
  const blends = { prior: blender(), probability: blender(), square: blender() };
  const steps: { t: number; yt: WindowBlender; y0Hat: WindowBlender }[] = [];
  const generator = new Generator(options.seed).split(`pass/${pass}`);

  for (let start = 0; start < windows.length; start += options.batchSize) {
    const group = windows.slice(start, start + options.batchSize);
    const results = await refineGroup(model, image, group, options, generator.split(`windows/${start}`), (index, t, yt, y0Hat) => {
      if (options.onStep === undefined) return;
      steps[index] ??= { t, yt: blender(), y0Hat: blender() };
      spread(yt, group, (values, window) => steps[index]!.yt.add(values, window));
      spread(y0Hat, group, (values, window) => steps[index]!.y0Hat.add(values, window));
    });
    spread(results.prior, group, (values, window) => blends.prior.add(values, window));
    spread(results.probability, group, (values, window) => blends.probability.add(values, window));
    spread(results.square, group, (values, window) => blends.square.add(values, window));
    await options.onProgress?.((pass + (start + group.length) / windows.length) / passes);
  }
  for (const { t, yt, y0Hat } of steps) options.onStep?.({ t, height, width, yt: yt.blend(), y0Hat: y0Hat.blend() });
  return { prior: blends.prior.blend(), probability: blends.probability.blend(), square: blends.square.blend() };
}

/** Calls `use` with each window's part of `[windows, height, width, classes]`. */
function spread(values: Float32Array, windows: readonly Window[], use: (part: Float32Array, window: Window) => void): void {
  const size = values.length / windows.length;
  windows.forEach((window, index) => use(values.subarray(index * size, (index + 1) * size), window));
}

interface GroupResult {
  readonly prior: Float32Array;
  /** Mean of the samples and of their squares. */
  readonly probability: Float32Array;
  readonly square: Float32Array;
}

/** Segments windows of one size together. The samples of a window share the segmentor's pass. */
async function refineGroup(
  model: HybridModel,
  image: NetworkImage,
  windows: readonly Window[],
  options: SegmentOptions,
  generator: Generator,
  onStep: (index: number, t: number, yt: Float32Array, y0Hat: Float32Array) => void,
): Promise<GroupResult> {
  const { height, width } = windows[0]!;
  const count = windows.length;
  const { classes } = model.architecture;
  const size = count * height * width * classes;
  const pixels = cutWindows(image.data, image, image.channels, windows, image.outside ?? new Array<number>(image.channels).fill(-1));
  const maps = image.prior === undefined ? undefined : cutWindows(image.prior, image, classes, windows, backgroundProbabilities(classes));
  const external = await model.segmentor.externalPrior({ batch: count, height, width, channels: image.channels, data: pixels }, maps);
  const result = { prior: new Float32Array(size), probability: new Float32Array(size), square: new Float32Array(size) };
  // Arrays leave through `result`: tidy would search whatever it returns for tensors, element by element.
  tidy(() => {
    const input = mapTensor(pixels, [count, height, width, image.channels]);
    const given = external === undefined ? undefined : mapTensor(external, [count, height, width, classes]);
    const { logits, features } = model.segmentor.forward(input, { training: false }, given);
    const prior = priorOf(logits);
    result.prior.set(prior.dataSync());
    options.packedRefiner?.prepare({
      height,
      width,
      image: pixels,
      prior: result.prior,
      features: features.map((feature) => feature.dataSync()) as unknown as PackedInputs["features"],
    });

    const together = Math.max(1, Math.floor(options.batchSize / count));
    const shared = options.packedRefiner !== undefined; // it knows that chains share image and features
    const joined = shared ? Math.max(1, Math.floor(mostJoinedNumbers / (size * together))) : 1;
    for (let first = 0; first < options.samples; first += together * joined) {
      const chains = Math.min(together * joined, options.samples - first);
      const repeat = (map: Tensor4D): Tensor4D => (chains === 1 ? map : tile(map, [chains, 1, 1, 1]));
      const inputs = {
        image: shared ? input : repeat(input),
        prior: repeat(prior),
        features: (shared ? features : features.map(repeat)) as unknown as RefinerInputs["features"],
      };
      const report = first === 0 ? onStep : undefined;
      tidy(() => {
        const values = refineChains(model, inputs, options, chainGenerator(generator, first, chains, together), report, size).dataSync();
        for (let i = 0; i < values.length; i++) {
          const at = i % size;
          result.probability[at] = result.probability[at]! + values[i]! / options.samples;
          result.square[at] = result.square[at]! + values[i]! ** 2 / options.samples;
        }
      });
    }
  });
  return result;
}

/** The packed engine runs so many chains at once that their latent masks have this many numbers: what they share is computed once. */
const mostJoinedNumbers = 2 ** 23;

/** Groups of `together` chains have generators of their own, whether they run one after the other or at once. */
function chainGenerator(generator: Generator, first: number, chains: number, together: number): Generator {
  const parts: { generator: Generator; items: number }[] = [];
  for (let start = first; start < first + chains; start += together) {
    parts.push({ generator: generator.split(`samples/${start}`), items: Math.min(together, first + chains - start) });
  }
  return parts.length === 1 ? parts[0]!.generator : new JoinedGenerator(parts);
}

/** Runs one chain per item; the items are the windows, again and again. */
function refineChains(
  model: HybridModel,
  inputs: Pick<RefinerInputs, "image" | "prior" | "features">,
  options: SegmentOptions,
  generator: Generator,
  onStep: ((index: number, t: number, yt: Float32Array, y0Hat: Float32Array) => void) | undefined,
  reported: number,
): Tensor {
  const { packedRefiner } = options;
  const predict = (yt: Tensor4D, t: readonly number[]): Tensor4D => {
    if (packedRefiner === undefined) return model.predict({ ...inputs, yt, t }, { training: false });
    const output = packedRefiner.step(yt.dataSync() as Float32Array, t[0]!);
    return model.estimate(mapTensor(output, yt.shape), { yt, prior: inputs.prior, t });
  };
  if (model.architecture.refiner.kind === "discriminative") {
    return predict(inputs.prior, new Array<number>(inputs.prior.shape[0]).fill(0));
  }
  let index = 0;
  const sample = options.sampler === "ddim" ? sampleDdim : sampleAncestral;
  return sample(model.process, {
    steps: options.steps,
    temperature: options.temperature,
    prior: inputs.prior,
    predict,
    generator,
    onStep: ({ t, yt, y0Hat }) => {
      onStep?.(index++, t, (yt.dataSync() as Float32Array).subarray(0, reported), (y0Hat.dataSync() as Float32Array).subarray(0, reported));
    },
  });
}

/** Mirrors `[height, width, channels]`: bit 0 left–right, bit 1 top–bottom. Its own inverse. */
function mirror(data: Float32Array, { height, width }: { height: number; width: number }, channels: number, mirroring: number): Float32Array {
  if (mirroring === 0) return data;
  const result = new Float32Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const fromRow = (mirroring & 2) === 0 ? row : height - 1 - row;
      const fromColumn = (mirroring & 1) === 0 ? column : width - 1 - column;
      const source = (fromRow * width + fromColumn) * channels;
      result.set(data.subarray(source, source + channels), (row * width + column) * channels);
    }
  }
  return result;
}
