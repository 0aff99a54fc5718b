import { clippingMap, constantMap, mapIntensities, notFinite } from "../intensities.ts";
import { channelPercentiles } from "../percentiles.ts";
import { regionOf, type StepInput, type StepOf, type StepOutput } from "./step.ts";

/**
 * Clips every channel to two percentiles of its values in the region, then maps them to `to`. A channel whose percentiles
 * are equal, or that has no values in the region, becomes `to[0]` everywhere.
 */
export function percentile(input: StepInput, { low, high, region, to }: StepOf<"percentile">): StepOutput {
  const { image, name } = input;
  return {
    image: mapIntensities(image, {
      maps: () =>
        channelPercentiles(image, regionOf(region, input), [low, high]).map(([from, until], channel) => {
          if (from === undefined || until === undefined || from === until) return constantMap(to[0]);
          if (!Number.isFinite(until - from)) throw notFinite(name, channel);
          return clippingMap(from, until, to);
        }),
    }),
  };
}
