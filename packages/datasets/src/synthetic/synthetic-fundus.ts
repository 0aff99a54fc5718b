import { HidiffError } from "@hidiff/core-tensor/errors";
import { Generator } from "@hidiff/core-tensor/random";
import type { ImageStack, LabelStack, SegmentationDataset, SplitName } from "../types.ts";
import { drawFundus } from "./fundus.ts";

export interface SyntheticFundusOptions {
  /** How many samples each split has. */
  readonly count: Readonly<Record<SplitName, number>>;
  /** The side of the images in pixels, at least 32. */
  readonly size: number;
  readonly seed: number | string;
}

/**
 * Retinal vessels on drawn fundus images, for trying things out without any data: the same seed gives the same cases
 * everywhere. Ids are `train-0`, `validation-0`, `test-0`, …; a case depends on the seed, the size and its id only.
 * Images have the values of 8 bits, as a camera's.
 *
 * @throws `datasets.option` for options out of range. `load` rejects with `datasets.id` for an unknown id.
 */
export function syntheticFundus(options: SyntheticFundusOptions): SegmentationDataset {
  const { count, size, seed } = options;
  if (!Number.isInteger(size) || size < 32) {
    throw new HidiffError("datasets.option", `syntheticFundus: size must be an integer ≥ 32, got ${size}.`);
  }
  const root = new Generator(seed);
  const ids = (split: SplitName): readonly string[] => {
    const length = (count as SyntheticFundusOptions["count"] | undefined)?.[split];
    if (length === undefined || !Number.isInteger(length) || length < 0) {
      throw new HidiffError("datasets.option", `syntheticFundus: count.${split} must be an integer ≥ 0, got ${length}.`);
    }
    return Array.from({ length }, (_, index) => `${split}-${index}`);
  };
  const splits = { train: ids("train"), validation: ids("validation"), test: ids("test") };
  const known = new Set([...splits.train, ...splits.validation, ...splits.test]);
  return {
    name: "synthetic-fundus",
    imageChannels: 3,
    classes: 1,
    classNames: ["vessel"],
    splits,
    preprocessing: [{ step: "scale", from: "range", to: [-1, 1] }],
    depthOf: () => 1,
    load: async (id) => {
      if (!known.has(id)) {
        throw new HidiffError(
          "datasets.id",
          `synthetic-fundus: there is no case "${id}"; ids look like "train-0", up to the count of their split.`,
        );
      }
      const { image, mask, fieldOfView } = drawFundus(size, root.split(id));
      return { id, image: photograph(image, size), labels: map(mask, size), fieldOfView: map(fieldOfView, size) };
    },
  };
}

/** @param values [size, size, 3] in [-1, 1], on 256 levels */
function photograph(values: Float32Array, size: number): ImageStack {
  return {
    depth: 1,
    height: size,
    width: size,
    channels: 3,
    spacing: [1, 1, 1],
    range: [0, 255],
    outside: [0, 0, 0],
    slice: () => values.map((value) => Math.round((value + 1) * 127.5)),
  };
}

function map(values: Float32Array | Uint8Array, size: number): LabelStack {
  return { depth: 1, height: size, width: size, slice: () => Uint8Array.from(values) };
}
