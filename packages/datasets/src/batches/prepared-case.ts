import { HidiffError } from "@hidiff/core-tensor/errors";
import { preprocess } from "../preprocessing/preprocess.ts";
import type { Preprocessing } from "../preprocessing/schema.ts";
import { normalizeProbabilities } from "../priors/probabilities.ts";
import type { SegmentationDataset } from "../types.ts";

/** A slice as a network takes it, its labels as numbers. */
export interface PreparedSlice {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** [height, width, channels] */
  readonly image: Float32Array;
  /** One value a channel. */
  readonly outside: readonly number[];
  /** [height, width]: class numbers */
  readonly labels: Uint8Array;
  /** [height, width] of 0 and 1 */
  readonly fieldOfView?: Uint8Array;
  /** [height, width, classes]: another program's probabilities */
  readonly prior?: Float32Array;
}

/** A case, preprocessed; its slices are computed when they are taken. */
export interface PreparedCase {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outside: readonly number[];
  readonly hasFieldOfView: boolean;
  /** Undefined for cases without a prior. */
  readonly priorChannels: number | undefined;
  /** Whether a slice shows anything but background. */
  hasForeground(slice: number): boolean;
  /** Throws `datasets.slice`, `datasets.values` or `datasets.labels` for a slice that there is not or that is not valid. */
  slice(slice: number): PreparedSlice;
}

/**
 * Reads and preprocesses a case.
 *
 * @throws `datasets.size` and `datasets.channels` for a case that is not what its data set says, and what reading throws
 */
export async function openCase(dataset: SegmentationDataset, preprocessing: Preprocessing, id: string): Promise<PreparedCase> {
  const { image: raw, labels: rawLabels, fieldOfView: rawField, prior: rawPrior } = await dataset.load(id);
  const where = `"${id}" of "${dataset.name}"`;
  if (raw.channels !== dataset.imageChannels) {
    throw new HidiffError("datasets.channels", `load: the image of ${where} has ${raw.channels} channels; its data set has ${dataset.imageChannels}.`);
  }
  if (rawPrior !== undefined && rawPrior.channels !== dataset.classes) {
    throw new HidiffError("datasets.channels", `load: the prior of ${where} has ${rawPrior.channels} channels; expected one a class, ${dataset.classes}.`);
  }
  for (const [what, other] of [["labels", rawLabels], ["field of view", rawField], ["prior", rawPrior]] as const) {
    if (other !== undefined && (other.depth !== raw.depth || other.height !== raw.height || other.width !== raw.width)) {
      throw new HidiffError(
        "datasets.size",
        `load: the ${what} of ${where} are ${describe(other)} but the image is ${describe(raw)} (slices × height × width); ` +
          `replace one of the files by the original one.`,
      );
    }
  }
  const prepared = preprocess(raw, preprocessing);
  const { image } = prepared;
  const labels = prepared.labels(rawLabels);
  const fieldOfView = rawField === undefined ? undefined : prepared.labels(rawField);
  const prior = rawPrior === undefined ? undefined : prepared.map(rawPrior);
  const { depth, height, width, channels, outside } = image;
  const highest = Math.max(1, dataset.classes - 1);
  return {
    depth,
    height,
    width,
    channels,
    outside,
    hasFieldOfView: fieldOfView !== undefined,
    priorChannels: prior?.channels,
    hasForeground: (slice) => labels.slice(slice).some((label) => label !== 0),
    slice: (slice) => {
      if (!(slice >= 0 && slice < depth)) {
        throw new HidiffError(
          "datasets.slice",
          `load: ${where} has ${depth} slices after preprocessing, there is no slice ${slice}; the data set's files have changed, prepare it anew.`,
        );
      }
      const values = image.slice(slice);
      const classes = labels.slice(slice);
      for (let i = 0; i < values.length; i++) {
        if (!Number.isFinite(values[i])) {
          throw new HidiffError(
            "datasets.values",
            `load: slice ${slice} of ${where} holds ${values[i]} after preprocessing; replace its image file or leave the case out.`,
          );
        }
      }
      for (const label of classes) {
        if (label > highest) {
          throw new HidiffError(
            "datasets.labels",
            `load: slice ${slice} of ${where} holds the label ${label}, but labels go from 0 to ${highest} (${dataset.classNames.join(", ")}); ` +
              `correct its label file or leave the case out.`,
          );
        }
      }
      const field = fieldOfView?.slice(slice);
      const probabilities = prior?.slice(slice);
      if (probabilities !== undefined) normalizeProbabilities(probabilities, dataset.classes);
      return {
        height,
        width,
        channels,
        image: values,
        outside,
        labels: classes,
        ...(field === undefined ? {} : { fieldOfView: field }),
        ...(probabilities === undefined ? {} : { prior: probabilities }),
      };
    },
  };
}

function describe({ depth, height, width }: { readonly depth: number; readonly height: number; readonly width: number }): string {
  return `${depth}×${height}×${width}`;
}
