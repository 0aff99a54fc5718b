import { HidiffError } from "@hidiff/core-tensor/errors";
import { linearMap, mapIntensities } from "../intensities.ts";
import type { StepInput, StepOf, StepOutput } from "./step.ts";

/** Maps `from` linearly to `to`. The result has no `range`: its values are no longer those of the stored type. */
export function scale({ image, name }: StepInput, { from, to }: StepOf<"scale">): StepOutput {
  const interval = from === "range" ? image.range : from;
  if (interval === undefined) {
    throw new HidiffError(
      "datasets.preprocessing",
      `preprocess: ${name} with from: range needs an image with a range of stored values, as photographs have it and volumes and ` +
        `already rescaled images do not; give from: [low, high], or a window, percentile or z-score step instead.`,
    );
  }
  return { image: mapIntensities(image, { maps: () => Array.from({ length: image.channels }, () => linearMap(interval, to)) }) };
}
