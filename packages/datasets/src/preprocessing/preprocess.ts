import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack, LabelStack } from "../types.ts";
import type { GridChange } from "./grid-change.ts";
import { type Grid, sizeText } from "./lazy-stack.ts";
import { recordNonzero } from "./nonzero-region.ts";
import { type Preprocessing, type PreprocessingStep, stepProblem } from "./schema.ts";
import { clip, window } from "./steps/clip.ts";
import { cropBorder } from "./steps/crop-border.ts";
import { cropForeground } from "./steps/crop-foreground.ts";
import { percentile } from "./steps/percentile.ts";
import { resample } from "./steps/resample.ts";
import { resize } from "./steps/resize.ts";
import { scale } from "./steps/scale.ts";
import type { StepInput, StepOutput } from "./steps/step.ts";
import { zScore } from "./steps/z-score.ts";

/** An image as a network takes it, with the ways for labels and maps onto its grid and back. */
export interface PreparedImage {
  /**
   * The prepared slices, computed when they are asked for. `depth`, `height`, `width` and `outside` too may need a pass
   * over the original's slices, once: after `crop-foreground`, and after `percentile` and `z-score`.
   */
  readonly image: ImageStack;
  /** Truth or field of view of the original image on the prepared grid, by the nearest voxel. */
  labels(stack: LabelStack): LabelStack;
  /** Maps of the original image, such as another program's probabilities, on the prepared grid, linearly. */
  map(stack: ImageStack): ImageStack;
  /** Labels of the prepared grid on the original one, by the nearest voxel; 0 outside of crops. */
  restoreLabels(stack: LabelStack): LabelStack;
  /** Maps of the prepared grid, such as probabilities, on the original one, linearly; `stack.outside` outside of crops. */
  restoreMap(stack: ImageStack): ImageStack;
}

/**
 * Prepares an image for a network.
 *
 * Nothing is read before it is needed: statistics are taken in one pass over the slices (two for percentiles of numbers
 * that are not integers of 16 bits), and each slice is computed when it is asked for. Nothing is held but one bit a voxel
 * for `nonzero` regions, and what `resample` needs along the depth (see there).
 *
 * @throws HidiffError `datasets.preprocessing` for steps that do not fit the image: scaling from the range of an image
 * that has none, limits the wrong way round, a crop larger than the image; while reading, for statistics of values that
 * are not finite; and for stacks that are not of the grid they should be of
 */
export function preprocess(image: ImageStack, steps: Preprocessing): PreparedImage {
  const needsRegion = steps.some((step) => "region" in step && step.region === "nonzero");
  const original = recordNonzero(image);
  let prepared = needsRegion ? original.image : image;
  let { nonzero } = original;
  const changes: GridChange[] = [];
  for (const [index, step] of steps.entries()) {
    const name = `step ${index + 1} (${step.step})`;
    const problem = stepProblem(step);
    if (problem !== undefined) throw new HidiffError("datasets.preprocessing", `preprocess: ${name}: ${problem}.`);
    const output = apply({ image: prepared, nonzero, name }, step);
    prepared = output.image;
    if (output.change === undefined) continue;
    changes.push(output.change);
    nonzero = output.change.labels(nonzero);
  }
  if (!steps.some((step) => step.step === "crop-foreground")) void prepared.height; // sizes need no slices: complain now
  const back = changes.toReversed();
  return {
    image: prepared,
    labels(stack) {
      checkGrid("labels", stack, image, "the original image");
      return changes.reduce((current, change) => change.labels(current), stack);
    },
    map(stack) {
      checkGrid("map", stack, image, "the original image");
      return changes.reduce((current, change) => change.map(current), stack);
    },
    restoreLabels(stack) {
      checkGrid("restoreLabels", stack, prepared, "the prepared image");
      return back.reduce((current, change) => change.restoreLabels(current), stack);
    },
    restoreMap(stack) {
      checkGrid("restoreMap", stack, prepared, "the prepared image");
      return back.reduce((current, change) => change.restoreMap(current), stack);
    },
  };
}

function apply(input: StepInput, step: PreprocessingStep): StepOutput {
  switch (step.step) {
    case "scale":
      return scale(input, step);
    case "clip":
      return clip(input, step);
    case "window":
      return window(input, step);
    case "percentile":
      return percentile(input, step);
    case "z-score":
      return zScore(input, step);
    case "resize":
      return resize(input, step);
    case "resample":
      return resample(input, step);
    case "crop-border":
      return cropBorder(input, step);
    case "crop-foreground":
      return cropForeground(input, step);
  }
}

function checkGrid(operation: string, stack: Grid, expected: Grid, whose: string): void {
  if (stack.depth === expected.depth && stack.height === expected.height && stack.width === expected.width) return;
  throw new HidiffError(
    "datasets.preprocessing",
    `${operation}: expected a stack of the size of ${whose}, ${sizeText(expected)} (slices × height × width), got ${sizeText(stack)}; ` +
      `give a stack of the same image.`,
  );
}
