import { describe, expect, it } from "vitest";
import { syntheticFundus } from "../synthetic/synthetic-fundus.ts";
import type { SegmentationDataset } from "../types.ts";
import { augmentationFor, paperRgbAugmentation, paperVolumeAugmentation } from "./options.ts";

const photographs = syntheticFundus({ count: { train: 1, validation: 0, test: 0 }, size: 32, seed: 1 });
const sequences: SegmentationDataset = { ...photographs, channelNames: ["t1", "t2", "flair"] };
const films: SegmentationDataset = { ...photographs, depthOf: () => 20 };
const tomograms: SegmentationDataset = { ...photographs, imageChannels: 1 };

describe("augmentationFor", () => {
  it("changes colours of colour photographs only", () => {
    expect(augmentationFor(photographs)).toEqual(paperRgbAugmentation);
    for (const dataset of [sequences, films, tomograms]) expect(augmentationFor(dataset)).toEqual(paperVolumeAugmentation);
    expect(augmentationFor(photographs, "volume")).toEqual(paperVolumeAugmentation);
  });

  it("changes single options of the data set's augmentation", () => {
    expect(augmentationFor(tomograms, { affine: { rotation: 5 }, verticalFlip: false })).toEqual({
      ...paperVolumeAugmentation,
      affine: { rotation: 5, scale: [1, 1], shear: 0, shift: 0 },
      verticalFlip: false,
    });
    expect(augmentationFor(tomograms, { affine: true })).toEqual(paperVolumeAugmentation);
    expect(augmentationFor(photographs, { affine: false, gaussianBlur: false })).toEqual({ ...paperRgbAugmentation, affine: false, gaussianBlur: false });
  });
});
