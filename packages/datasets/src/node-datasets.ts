import { HidiffError } from "@hidiff/core-tensor/errors";
import { datasetRegistry as portable } from "./datasets.ts";
import { openBrats2021 } from "./loaders/brats2021.ts";
import { openChaseDb1 } from "./loaders/chase-db1.ts";
import { openCvcClinicDb } from "./loaders/cvc-clinicdb.ts";
import { openDrive } from "./loaders/drive.ts";
import { descriptionFields } from "./loaders/folder/description.ts";
import { openFolderDataset } from "./loaders/folder/folder.ts";
import { openKvasirSeg } from "./loaders/kvasir-seg.ts";
import { msdOptionsSchema } from "./loaders/msd/options.ts";
import { openMsd } from "./loaders/msd/msd.ts";
import { synapseOptionsSchema } from "./loaders/synapse/options.ts";
import { openSynapse } from "./loaders/synapse/synapse.ts";
import { volumeOptionFields } from "./loaders/volume-cases/options.ts";
import { type DatasetEntry, DatasetRegistry, type DatasetSpec } from "./registry.ts";
import type { SegmentationDataset } from "./types.ts";

/** The data sets of this package: those that need no files and those that are read from a folder. */
export const datasetRegistry: DatasetRegistry = new DatasetRegistry([
  ...portable.entries(),
  ["drive", fromFolder(openDrive, ["validation", "observer"])],
  ["chase-db1", fromFolder(openChaseDb1, ["validation", "observer", "test"])],
  ["kvasir-seg", fromFolder(openKvasirSeg, ["split", "lists", "validation"])],
  ["cvc-clinicdb", fromFolder(openCvcClinicDb, ["validation", "test", "seed"])],
  ["synapse", fromFolder(openSynapse, Object.keys(synapseOptionsSchema.shape))],
  ["brats2021", fromFolder(openBrats2021, [...Object.keys(volumeOptionFields), "seed", "validation", "lists"])],
  ["msd", fromFolder(openMsd, Object.keys(msdOptionsSchema.shape))],
  ["folder", fromFolder(openFolderDataset, ["description", ...descriptionFields.filter((field) => field !== "name")])],
]);

/** Opens a data set of {@link datasetRegistry} by name and options: `openDataset({ name: "drive", root: "data/DRIVE" })`. */
export function openDataset(spec: DatasetSpec): Promise<SegmentationDataset> {
  return datasetRegistry.open(spec);
}

/** A data set that is opened by its folder, the option `root`, and others that it checks itself. */
function fromFolder<O extends object>(open: (root: string, options: O) => Promise<SegmentationDataset>, options: readonly string[]): DatasetEntry {
  return {
    options: ["root", ...options],
    open: ({ name, root, ...rest }) => {
      if (typeof root === "string" && root !== "") return open(root, rest as O);
      throw new HidiffError(
        "datasets.option",
        `openDataset: "${name}" needs the option "root", the folder of its files; got ${JSON.stringify(root)}.`,
      );
    },
  };
}
