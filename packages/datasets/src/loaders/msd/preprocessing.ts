import type { Preprocessing } from "../../preprocessing/schema.ts";

/**
 * How a Decathlon task's intensities are brought to [-1, 1]. The challenge prescribes nothing; these are starting points:
 *
 * - CT: Hounsfield units clipped to [-125, 275] for abdominal organs (liver, pancreas, hepatic vessels, spleen, colon), as
 *   the literature does on Synapse, and to [-1000, 1000] otherwise (lung, unknown organs).
 * - MRI has no unit and varies wildly between volumes: clipped to the percentiles 0.5 and 99.5 of each volume, over all
 *   voxels, or in skull-stripped brains (BRATS) over those that are not 0.
 */
export function msdPreprocessing(taskName: string, modalities: readonly string[]): Preprocessing {
  if (modalities.every((modality) => /^ct$/i.test(modality))) {
    const abdomen = /liver|pancreas|hepatic|spleen|colon/i.test(taskName);
    return [abdomen ? { step: "clip", low: -125, high: 275, to: [-1, 1] } : { step: "clip", low: -1000, high: 1000, to: [-1, 1] }];
  }
  return [{ step: "percentile", low: 0.5, high: 99.5, region: /brain|brats/i.test(taskName) ? "nonzero" : "all", to: [-1, 1] }];
}
