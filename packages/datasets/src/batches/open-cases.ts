import type { SegmentationDataset } from "../types.ts";
import { type CaseStore, DatasetCases } from "./case-store.ts";
import { SliceCache } from "./slice-cache.ts";
import type { WorkerSetup } from "./worker-protocol.ts";

/** The cases of a data set, by way of the cache on disk if there is one. */
export function openCases(dataset: SegmentationDataset, { spec, preprocessing, priors, cache }: Omit<WorkerSetup, "options">): CaseStore {
  const cases = new DatasetCases(dataset, preprocessing);
  return cache === undefined ? cases : new SliceCache(cases, { ...cache, spec, preprocessing, priors });
}
