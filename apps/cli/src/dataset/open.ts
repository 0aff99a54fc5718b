import type { DatasetSpec, SegmentationDataset } from "@hidiff/datasets";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { datasetRegistry, identifyLayout, openDataset } from "@hidiff/datasets/node";
import { assign, parseAssignment } from "../options/assignments.ts";

/** What names a data set on the command line. */
export interface DatasetFlags {
  readonly dataset?: string;
  readonly set?: readonly string[];
}

interface OpenedDataset {
  readonly spec: DatasetSpec;
  readonly dataset: SegmentationDataset;
}

/**
 * Opens the data set that a folder holds: the one named by `--dataset`, else the one whose layout the folder has.
 *
 * @throws HidiffError `datasets.layout` where the layout is unknown, `usage.option`, and those of the loaders
 */
export async function openFolder(folder: string, { dataset: name, set = [] }: DatasetFlags): Promise<OpenedDataset> {
  const found = name === undefined ? await identifyLayout(folder) : { name, options: {} };
  if (found === undefined) {
    throw new HidiffError(
      "datasets.layout",
      `${folder} has the layout of no known data set. Name one with --dataset (${datasetRegistry.names.join(", ")}), or put the images into a folder ` +
        `"images" and their masks, named alike, into a folder "masks"; for anything else describe the folder in hidiff-dataset.yaml.`,
    );
  }
  const spec = assign({ name: found.name, root: folder, ...found.options }, set.map(parseAssignment)) as DatasetSpec;
  return { spec, dataset: await openDataset(spec) };
}
