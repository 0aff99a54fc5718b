import {
  backgroundProbabilities,
  type ImageStack,
  type LabelStack,
  normalizeProbabilities,
  type PreparedImage,
  type Preprocessing,
  preprocess,
} from "@hidiff/datasets";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { HybridModel } from "../model/hybrid-model.ts";
import { keepLargestPerClass } from "./labels.ts";
import { type RefinementStep, segment, type Segmentation, type SegmentOptions } from "./segment.ts";

/** A map of numbers that a segmentation can keep beside its labels. */
export type MapName = "probability" | "uncertainty" | "prior";

export interface SegmentStackOptions extends Omit<SegmentOptions, "onStep"> {
  /** What was done to the images that the model was trained on. */
  readonly preprocessing: Preprocessing;
  /**
   * Another program's probabilities on the image's own grid, a channel a class: for models whose segmentor takes them as the
   * prior. They go the image's way through the preprocessing, but for what it does to intensities.
   */
  readonly prior?: ImageStack | undefined;
  /** The maps to keep: each takes four bytes a voxel and class. Default: none. */
  readonly maps?: readonly MapName[];
  /** Called for every refinement step of each slice's first sample, on the preprocessed slice. */
  readonly onStep?: (step: RefinementStep, slice: number) => void;
}

/** The segmentation of a stack of slices, on the grid of the image that it is of. */
export interface StackSegmentation {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  /** The label per voxel, `[depth, height, width]`: 0 or 1 for one class, else the most probable class. */
  readonly labels: Uint8Array;
  /** The segmentor's own labels. */
  readonly priorLabels: Uint8Array;
  /** The mean over the samples, with `classes` channels; undefined if it was not asked for, like all maps. */
  readonly probability: ImageStack | undefined;
  /** Variance over the samples; undefined for one sample, too. */
  readonly uncertainty: ImageStack | undefined;
  /** The segmentor's own probability. */
  readonly prior: ImageStack | undefined;
}

/**
 * Segments an image as its file holds it, slice by slice: preprocesses it, refines each slice, and brings labels (by the
 * nearest voxel) and maps back to the image's own grid. What preprocessing cut off is background.
 *
 * A slice's chains depend on the seed and its place in the stack only; those of a single slice on the seed alone. The
 * largest components, where they are asked for, are those in space.
 *
 * @throws HidiffError `segment.channels`, `segment.values`, `segment.prior` for a prior of another size or number of classes,
 * and those of {@link preprocess} and {@link segment}
 */
export async function segmentStack(model: HybridModel, image: ImageStack, options: SegmentStackOptions): Promise<StackSegmentation> {
  const { preprocessing, prior: given, maps = [], onStep, onProgress, seed, keepLargestComponent, ...rest } = options;
  const { imageChannels, classes } = model.architecture;
  if (image.channels !== imageChannels) {
    throw new HidiffError("segment.channels", `segmentStack: the model takes images with ${imageChannels} channel(s), got ${image.channels}.`);
  }
  if (given !== undefined) checkPrior(given, image, classes);
  const prepared = preprocess(image, preprocessing);
  const prior = given === undefined ? undefined : prepared.map(given);
  const { depth, height, width, channels, outside } = prepared.image;
  const labels = new Uint8Array(depth * height * width);
  const priorLabels = new Uint8Array(labels.length);
  const kept = new Map(maps.map((name): [MapName, Float32Array[]] => [name, []]));
  for (let index = 0; index < depth; index++) {
    const result = await segmentSlice(index, depth, () =>
      segment(
        model,
        { height, width, channels, outside, data: prepared.image.slice(index), prior: priorSlice(prior, index) },
        {
          ...rest,
          keepLargestComponent: false,
          seed: depth === 1 ? seed : `${seed}/slice/${index}`,
          ...(onStep === undefined ? {} : { onStep: (step: RefinementStep) => onStep(step, index) }),
          ...(onProgress === undefined ? {} : { onProgress: (fraction: number) => onProgress((index + fraction) / depth) }),
        },
      ),
    );
    labels.set(result.mask, index * height * width);
    priorLabels.set(result.priorMask, index * height * width);
    for (const [name, slices] of kept) {
      const values = result[name];
      if (values !== undefined) slices.push(values);
    }
  }

  const size = { depth: image.depth, height: image.height, width: image.width };
  const restoreLabels = (values: Uint8Array): Uint8Array => {
    const restored = voxelsOf(prepared.restoreLabels(labelStackOf(values, { depth, height, width })));
    if (!keepLargestComponent) return restored;
    return keepLargestPerClass(restored, size.depth === 1 ? [size.height, size.width] : [size.depth, size.height, size.width], classes);
  };
  const restoreMap = (name: MapName): ImageStack | undefined => {
    const slices = kept.get(name);
    return slices === undefined || slices.length < depth ? undefined : restoredMap(prepared, slices, classes, name);
  };
  return {
    ...size,
    classes,
    labels: restoreLabels(labels),
    priorLabels: restoreLabels(priorLabels),
    probability: restoreMap("probability"),
    uncertainty: restoreMap("uncertainty"),
    prior: restoreMap("prior"),
  };
}

function checkPrior(prior: ImageStack, image: ImageStack, classes: number): void {
  const describe = ({ depth, height, width }: ImageStack, channels: number): string =>
    `${depth}×${height}×${width} voxels (depth×height×width) in ${channels} channel(s)`;
  const [found, expected] = [describe(prior, prior.channels), describe(image, classes)];
  if (found === expected) return;
  throw new HidiffError("segment.prior", `segmentStack: the prior has ${found}; expected ${expected}, as the image and the model's classes.`);
}

function priorSlice(prior: ImageStack | undefined, index: number): Float32Array | undefined {
  const values = prior?.slice(index);
  if (prior !== undefined && values !== undefined) normalizeProbabilities(values, prior.channels);
  return values;
}

/** Names the slice in what goes wrong with its values. */
async function segmentSlice(index: number, depth: number, work: () => Promise<Segmentation>): Promise<Segmentation> {
  try {
    return await work();
  } catch (error) {
    if (depth === 1 || !(error instanceof HidiffError) || error.code !== "segment.values") throw error;
    throw new HidiffError(error.code, `Slice ${index}: ${error.message}`, { cause: error });
  }
}

function restoredMap(prepared: PreparedImage, slices: readonly Float32Array[], classes: number, name: MapName): ImageStack {
  const { depth, height, width, spacing } = prepared.image;
  // What was cut off is background for sure.
  const outside = name === "uncertainty" ? new Array<number>(classes).fill(0) : backgroundProbabilities(classes);
  return prepared.restoreMap({ depth, height, width, channels: classes, spacing, outside, slice: (index) => slices[index]!.slice() });
}

/** Labels `[depth, height, width]` as a stack. */
export function labelStackOf(labels: Uint8Array, { depth, height, width }: Pick<LabelStack, "depth" | "height" | "width">): LabelStack {
  const size = height * width;
  return { depth, height, width, slice: (index) => labels.slice(index * size, (index + 1) * size) };
}

/** All labels of a stack, `[depth, height, width]`. */
export function voxelsOf(stack: LabelStack): Uint8Array {
  const { depth, height, width } = stack;
  const voxels = new Uint8Array(depth * height * width);
  for (let index = 0; index < depth; index++) voxels.set(stack.slice(index), index * height * width);
  return voxels;
}
