import type { Generator } from "@hidiff/core-tensor/random";
import { backgroundProbabilities } from "../priors/probabilities.ts";
import type { SegmentationSample } from "../types.ts";
import { affineWindowMap, drawAffine, windowMap, type SamplingMap } from "./affine.ts";
import { colorJitter, drawColorJitter } from "./color-jitter.ts";
import { flipHorizontal, flipVertical } from "./flip.ts";
import { drawSigma, gaussianBlur } from "./gaussian-blur.ts";
import type { ResolvedAugmentation } from "./options.ts";
import { quarterTurn } from "./quarter-turn.ts";
import { fieldOfViewFraction, insideMap, sampleBilinear, sampleNearest } from "./sampling.ts";

/** How often a window is drawn anew for more field of view, before the best one so far is taken. */
const windowAttempts = 20;

/** A window of a sample, augmented. */
interface Patch {
  /** [height, width, imageChannels] */
  readonly image: Float32Array;
  /** [height, width, classes] */
  readonly mask: Float32Array;
  /** [height, width, classes], of samples that have one */
  readonly prior?: Float32Array;
}

interface WindowOptions {
  readonly height: number;
  readonly width: number;
  /** The smallest fraction of the window that shall lie in the field of view. */
  readonly fieldOfViewFraction: number;
}

/**
 * Takes a random window of a sample and augments it.
 *
 * The affine transformation and the crop are one sampling of the source: of the image and a prior bilinearly, of the mask by
 * the nearest pixel. Colour and blur of the image follow, then flips and quarter turns of all. Each step draws from its own
 * child of `generator`, so that switching one on leaves the others as they were. Where the window exceeds the sample, the
 * image has the sample's `outside` values, and mask and prior are background.
 */
export function extractPatch(
  sample: SegmentationSample,
  window: WindowOptions,
  augmentation: ResolvedAugmentation,
  generator: Generator,
): Patch {
  const { height, width } = window;
  const { imageChannels, classes, outside } = sample;
  const size = { height: sample.height, width: sample.width };
  const map = drawWindow(sample, window, augmentation, generator.split("window"));
  let image = sampleBilinear({ ...size, data: sample.image, channels: imageChannels }, map, height, width, outside);
  let mask = sampleNearest({ ...size, data: sample.mask, channels: classes }, map, height, width);
  let prior =
    sample.prior === undefined
      ? undefined
      : sampleBilinear({ ...size, data: sample.prior, channels: classes }, map, height, width, backgroundProbabilities(classes));

  if (augmentation.colorJitter !== undefined || augmentation.gaussianBlur !== undefined) {
    const inside = insideMap(sample, map, height, width);
    if (augmentation.colorJitter !== undefined) {
      const parameters = drawColorJitter(augmentation.colorJitter, generator.split("color"));
      colorJitter(image, imageChannels, parameters, inside);
    }
    if (augmentation.gaussianBlur !== undefined) {
      const sigma = drawSigma(augmentation.gaussianBlur, generator.split("blur"));
      image = gaussianBlur(image, height, width, imageChannels, augmentation.gaussianBlur.size, sigma);
    }
    for (let pixel = 0; pixel < inside.length; pixel++) {
      if (inside[pixel] === 0) image.set(outside, pixel * imageChannels);
    }
  }

  const flips = generator.split("flips");
  if (flips.bernoulli(augmentation.horizontalFlip)) {
    flipHorizontal(image, height, width, imageChannels);
    flipHorizontal(mask, height, width, classes);
    if (prior !== undefined) flipHorizontal(prior, height, width, classes);
  }
  if (flips.bernoulli(augmentation.verticalFlip)) {
    flipVertical(image, height, width, imageChannels);
    flipVertical(mask, height, width, classes);
    if (prior !== undefined) flipVertical(prior, height, width, classes);
  }
  if (augmentation.quarterTurn) {
    const turns = generator.split("turn").integer(4);
    const allowed = height === width ? turns : turns & 2;
    image = quarterTurn(image, height, width, imageChannels, allowed);
    mask = quarterTurn(mask, height, width, classes, allowed);
    if (prior !== undefined) prior = quarterTurn(prior, height, width, classes, allowed);
  }
  return prior === undefined ? { image, mask } : { image, mask, prior };
}

/** Draws windows until one shows enough of the field of view; the best of {@link windowAttempts} where none does. */
function drawWindow(
  sample: SegmentationSample,
  window: WindowOptions,
  augmentation: ResolvedAugmentation,
  generator: Generator,
): SamplingMap {
  const { height, width } = window;
  let best: SamplingMap | undefined;
  let bestFraction = -1;
  for (let attempt = 0; attempt < windowAttempts; attempt++) {
    const left = drawOffset(sample.width, width, generator);
    const top = drawOffset(sample.height, height, generator);
    const map =
      augmentation.affine === undefined
        ? windowMap(left, top)
        : affineWindowMap(drawAffine(augmentation.affine, height, width, generator), left, top, height, width);
    if (window.fieldOfViewFraction <= 0) return map;
    const fraction = fieldOfViewFraction(sample, map, height, width);
    if (fraction >= window.fieldOfViewFraction) return map;
    if (fraction > bestFraction) [best, bestFraction] = [map, fraction];
  }
  return best!;
}

/** A random offset of a window inside of `length`; a longer window is centred. */
function drawOffset(length: number, window: number, generator: Generator): number {
  return window <= length ? generator.integer(length - window + 1) : -Math.floor((window - length) / 2);
}
