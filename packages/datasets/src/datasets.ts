import { DatasetRegistry, type DatasetSpec } from "./registry.ts";
import { syntheticFundus, type SyntheticFundusOptions } from "./synthetic/synthetic-fundus.ts";
import type { SegmentationDataset } from "./types.ts";

/** The data sets that need no files. `@hidiff/datasets/node` has a larger registry. */
export const datasetRegistry: DatasetRegistry = new DatasetRegistry([
  [
    "synthetic-fundus",
    {
      options: ["count", "size", "seed"],
      open: (spec) => syntheticFundus(spec as unknown as SyntheticFundusOptions),
    },
  ],
]);

/** Opens a data set of {@link datasetRegistry} by name and options. */
export function openDataset(spec: DatasetSpec): Promise<SegmentationDataset> {
  return datasetRegistry.open(spec);
}
