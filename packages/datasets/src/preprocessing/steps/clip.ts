import { clippingMap, mapIntensities } from "../intensities.ts";
import type { StepInput, StepOf, StepOutput } from "./step.ts";

/** Limits values to [low, high]; with `to`, maps that interval linearly to it afterwards, and the stack loses its `range`. */
export function clip({ image }: StepInput, { low, high, to }: Pick<StepOf<"clip">, "low" | "high" | "to">): StepOutput {
  return {
    image: mapIntensities(image, {
      maps: () => Array.from({ length: image.channels }, () => clippingMap(low, high, to)),
      keepsRange: to === undefined,
    }),
  };
}

/** Clips to the interval of this `width` around `centre`. */
export function window(input: StepInput, { centre, width, to }: StepOf<"window">): StepOutput {
  return clip(input, { low: centre - width / 2, high: centre + width / 2, to });
}
