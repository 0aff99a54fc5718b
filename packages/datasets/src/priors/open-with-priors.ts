import { openDataset } from "../node-datasets.ts";
import type { DatasetSpec } from "../registry.ts";
import type { SegmentationDataset } from "../types.ts";
import { type PriorOptions, withPriors } from "./with-priors.ts";

/** Opens a data set of the node registry, and puts the priors to its cases where it shall have some. */
export async function openWithPriors(spec: DatasetSpec, priors: PriorOptions | undefined): Promise<SegmentationDataset> {
  const dataset = await openDataset(spec);
  return priors === undefined ? dataset : withPriors(dataset, priors);
}
