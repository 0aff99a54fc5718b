import { HidiffError } from "@hidiff/core-tensor/errors";
import { datasetRegistry as portable } from "./datasets.ts";
import { type DriveOptions, openDrive } from "./loaders/drive.ts";
import { DatasetRegistry, type DatasetSpec } from "./registry.ts";
import type { SegmentationDataset } from "./types.ts";

/** The data sets of this package: those that need no files and those that are read from a folder. */
export const datasetRegistry: DatasetRegistry = new DatasetRegistry([
  ...portable.entries(),
  [
    "drive",
    {
      options: ["root", "validation", "observer"],
      open: (spec) => openDrive(root(spec), spec as DriveOptions),
    },
  ],
]);

/** Opens a data set of {@link datasetRegistry} by name and options: `openDataset({ name: "drive", root: "data/DRIVE" })`. */
export function openDataset(spec: DatasetSpec): Promise<SegmentationDataset> {
  return datasetRegistry.open(spec);
}

function root(spec: DatasetSpec): string {
  if (typeof spec.root === "string" && spec.root !== "") return spec.root;
  throw new HidiffError(
    "datasets.option",
    `openDataset: "${spec.name}" needs the option "root", the folder of its files; got ${JSON.stringify(spec.root)}.`,
  );
}
