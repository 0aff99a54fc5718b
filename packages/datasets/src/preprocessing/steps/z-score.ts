import { mapIntensities, notFinite } from "../intensities.ts";
import { channelMoments } from "../moments.ts";
import { regionOf, type StepInput, type StepOf, type StepOutput } from "./step.ts";

/**
 * Subtracts the mean of the region's values and divides by their standard deviation (over their number, as NumPy's), a
 * channel at a time. Voxels outside of a `nonzero` region become 0. A channel that is constant in the region becomes 0.
 */
export function zScore(input: StepInput, { region }: StepOf<"z-score">): StepOutput {
  const { image, name } = input;
  const within = regionOf(region, input);
  return {
    image: mapIntensities(image, {
      within,
      maps: () =>
        channelMoments(image, within).map(({ mean, standardDeviation }, channel) => {
          if (!Number.isFinite(standardDeviation)) throw notFinite(name, channel);
          return { low: -Infinity, high: Infinity, base: mean, factor: standardDeviation === 0 ? 0 : 1 / standardDeviation, offset: 0 };
        }),
    }),
  };
}
