import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack, VoxelArray } from "../types.ts";
import type { OrientedGrid } from "../volumes/oriented-grid.ts";
import { backgroundProbabilities } from "./probabilities.ts";

/** The numbers of a prior's file, on the grid of the image's file. Real values are `slope · stored + intercept`. */
export interface PriorArray {
  readonly path: string;
  /** [channels, depth, height, width], or with the channels last. */
  readonly data: VoxelArray;
  readonly channels: number;
  readonly channelAxis: "first" | "last";
  readonly slope: number;
  readonly intercept: number;
}

/** How far probabilities may lie outside of [0, 1], and their sums from 1: the rounding of other programs. */
const tolerance = { range: 1e-3, sum: 1e-2 } as const;

export function priorError(path: string, what: string): HidiffError {
  return new HidiffError("datasets.priors", `readPrior: "${path}" ${what}`);
}

/** Writes the probabilities of the voxel at `at` into `target` from `first` on, one a class; all are 0 there before. */
type PutVoxel = (at: number, target: Float32Array, first: number) => void;

/**
 * The slices of a prior, with a channel a class.
 *
 * One channel holds the foreground's probabilities or a mask (of 0 and 1 or 255) for one class, and class numbers for
 * several, which become 0 and 1 a class. Several channels are a class each; for one class, background and foreground.
 *
 * @param grid how the image's slices lie in a channel
 * @throws `datasets.priors` for another number of channels, and for numbers that are no probabilities or classes
 */
export function priorStack(array: PriorArray, grid: OrientedGrid, classes: number): ImageStack {
  const put = voxelReader(array, grid, classes);
  const { depth, height, width, offset, strides, spacing } = grid;
  return {
    depth,
    height,
    width,
    channels: classes,
    spacing,
    outside: backgroundProbabilities(classes),
    slice: (index) => {
      if (!Number.isInteger(index) || index < 0 || index >= depth) {
        throw new HidiffError("datasets.slice", `slice: the prior "${array.path}" has the slices 0 to ${depth - 1}, got ${index}.`);
      }
      const slice = new Float32Array(height * width * classes);
      for (let y = 0, first = 0; y < height; y++) {
        let at = offset + index * strides[0] + y * strides[1];
        for (let x = 0; x < width; x++, at += strides[2], first += classes) put(at, slice, first);
      }
      return slice;
    },
  };
}

function voxelReader(array: PriorArray, { depth, height, width }: OrientedGrid, classes: number): PutVoxel {
  const { path, data, channels, slope, intercept } = array;
  const [voxelStep, channelStep] = array.channelAxis === "first" ? [1, depth * height * width] : [channels, 1];
  const value = (at: number, channel: number): number => data[at * voxelStep + channel * channelStep]! * slope + intercept;
  if (channels === 1) {
    if (classes === 1) {
      const largest = foregroundValue(array);
      return (at, target, first) => {
        target[first] = Math.min(Math.max(value(at, 0) / largest, 0), 1);
      };
    }
    checkClassNumbers(array, classes);
    return (at, target, first) => {
      target[first + Math.round(value(at, 0))] = 1;
    };
  }
  if (channels === classes || (classes === 1 && channels === 2)) {
    checkProbabilities(array, value, data.length / channels);
    const skipped = channels - classes; // the background of one class
    return (at, target, first) => {
      for (let label = 0; label < classes; label++) target[first + label] = Math.min(Math.max(value(at, label + skipped), 0), 1);
    };
  }
  const expected =
    classes === 1
      ? "one (a mask or the foreground's probabilities) or two (background, foreground)"
      : `one of class numbers or ${classes}, a class each with the background first`;
  throw priorError(path, `has ${channels} channels; expected ${expected}.`);
}

/** What stands for the probability 1: 1, or 255 in masks of nothing but 0 and 255. */
function foregroundValue({ path, data, slope, intercept }: PriorArray): 1 | 255 {
  let is255 = true;
  let wrong: number | undefined;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]! * slope + intercept;
    if (value !== 0 && value !== 255) is255 = false;
    if (!(value >= -tolerance.range && value <= 1 + tolerance.range)) wrong ??= value;
    if (!is255 && wrong !== undefined) {
      const expected = "probabilities in [0, 1], or a mask of 0 and 1 or of 0 and 255";
      throw priorError(path, `holds the value ${wrong}; expected ${expected}. Convert it first.`);
    }
  }
  return wrong === undefined ? 1 : 255;
}

function checkClassNumbers({ path, data, slope, intercept }: PriorArray, classes: number): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i]! * slope + intercept;
    // A scale in float32 may miss whole numbers a little.
    if (value > -0.5 && value < classes - 0.5 && Math.abs(value - Math.round(value)) <= 1e-4) continue;
    throw priorError(
      path,
      `holds the value ${value}; expected the class numbers 0 … ${classes - 1} of the data set, or probabilities in ${classes} channels, a class each ` +
        `with the background first. Convert it first.`,
    );
  }
}

function checkProbabilities({ path, channels }: PriorArray, value: (at: number, channel: number) => number, voxels: number): void {
  for (let at = 0; at < voxels; at++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      const found = value(at, channel);
      if (!(found >= -tolerance.range && found <= 1 + tolerance.range)) {
        throw priorError(path, `holds the value ${found}; expected probabilities in [0, 1]. Save them after the softmax.`);
      }
      sum += found;
    }
    if (Math.abs(sum - 1) > tolerance.sum) {
      const found = `has probabilities that sum to ${Number(sum.toPrecision(4))} over the ${channels} classes`;
      throw priorError(path, `${found}; expected 1. Save them after the softmax, with the background.`);
    }
  }
}
