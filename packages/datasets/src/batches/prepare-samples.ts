import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Preprocessing } from "../preprocessing/schema.ts";
import type { SampleSource, SegmentationDataset, SegmentationSample } from "../types.ts";
import { type CaseStore, DatasetCases } from "./case-store.ts";
import { labelsToMask } from "./one-hot.ts";
import type { PreparedSlice } from "./prepared-case.ts";
import { indexSamples, listSamples, type PreparationOptions, type SampleIndex } from "./sample-index.ts";

export interface PrepareSamplesOptions extends PreparationOptions {
  /** Default: the data set's own. */
  readonly preprocessing?: Preprocessing | undefined;
}

/**
 * The slices of a data set as a network takes them. Ids are the cases' own for single slices, and `case/012` for slices of
 * volumes.
 *
 * Slices of volumes are computed from the whole volume each time that another one is open: `createWorkerBatchSource` of
 * `@hidiff/datasets/node` can keep them on disk.
 *
 * @throws `datasets.stopped` if the signal stopped it; what reading a case throws, where cases must be read first. `load`
 * rejects with what reading throws, `datasets.id` for an unknown id, `datasets.values` for values that are not finite and
 * `datasets.labels` for labels out of range.
 */
export async function prepareSamples(dataset: SegmentationDataset, options: PrepareSamplesOptions = {}): Promise<SampleSource> {
  const preprocessing = options.preprocessing ?? dataset.preprocessing;
  const cases = new DatasetCases(dataset, preprocessing);
  const readers = { summarize: [cases.summarize.bind(cases)], all: false };
  return sampleSource(dataset, cases, await indexSamples(dataset, preprocessing, options, readers));
}

/** The samples that an index lists, taken from a store. */
export function sampleSource({ name, imageChannels, classes }: SegmentationDataset, cases: CaseStore, index: SampleIndex): SampleSource {
  const { splits, places } = listSamples(index);
  return {
    name,
    imageChannels,
    classes,
    splits,
    load: async (id) => {
      const place = places.get(id);
      if (place === undefined) {
        throw new HidiffError("datasets.id", `${name}: there is no sample "${id}"; ids are listed by split, such as "${[...places.keys()][0] ?? ""}".`);
      }
      return toSample(id, await cases.slice(place.caseId, place.slice, place.depth), classes);
    },
  };
}

function toSample(id: string, slice: PreparedSlice, classes: number): SegmentationSample {
  const { height, width, channels, image, outside, labels, fieldOfView, prior } = slice;
  return {
    id,
    height,
    width,
    imageChannels: channels,
    image,
    outside,
    classes,
    mask: labelsToMask(labels, classes),
    ...(fieldOfView === undefined ? {} : { fieldOfView }),
    ...(prior === undefined ? {} : { prior }),
  };
}
