import { expect, it } from "vitest";
import { describePreprocessing } from "./describe-preprocessing.ts";

it("says every step in a sentence", () => {
  expect(
    describePreprocessing([
      { step: "scale", from: "range", to: [-1, 1] },
      { step: "scale", from: [0, 4], to: [0, 1] },
      { step: "clip", low: -125, high: 275, to: [0, 1] },
      { step: "window", centre: 40, width: 400 },
      { step: "percentile", low: 0.5, high: 99.5, region: "nonzero", to: [0, 1] },
      { step: "z-score", region: "all" },
      { step: "z-score", region: "nonzero" },
      { step: "resize", height: 256, width: 128, image: "nearest" },
      { step: "resample", spacing: [3, null, 0.8], image: "cubic" },
      { step: "resample", spacing: [null, null, null], image: "linear" },
      { step: "crop-border", pixels: 8 },
      { step: "crop-foreground", above: -500, margin: 1 },
    ]),
  ).toEqual([
    "Map the range of the stored values linearly to [−1, 1].",
    "Map [0, 4] linearly to [0, 1].",
    "Limit values to [−125, 275], then map these linearly to [0, 1].",
    "Limit values to the window of width 400 around 40, [−160, 240].",
    "Limit every channel to its percentiles 0.5 and 99.5, taken over the voxels where the original image is not 0, and map them to [0, 1].",
    "Subtract every channel's mean and divide by its standard deviation, taken over the whole image.",
    "Subtract every channel's mean and divide by its standard deviation, taken over the voxels where the original image is not 0; the rest becomes 0.",
    "Resize every slice to 256 × 128 pixels (height × width), by the nearest voxel.",
    "Resample to voxels 3 mm along the depth and 0.8 mm along the width apart, by cubic B-splines (masks by the nearest voxel).",
    "Resample no axis: every distance between voxels is kept.",
    "Cut 8 pixels off every side of each slice.",
    "Crop to the smallest box around the values above −500, with a margin of 1 voxel.",
  ]);
});
