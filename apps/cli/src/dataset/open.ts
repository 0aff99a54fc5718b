import type { DatasetSpec, SegmentationDataset } from "@hidiff/datasets";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { datasetRegistry, identifyLayout, openDataset, suggestLayout } from "@hidiff/datasets/node";
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
export async function openFolder(folder: string, flags: DatasetFlags): Promise<OpenedDataset> {
  const spec = await specOf(folder, flags);
  return { spec, dataset: await openDataset(spec) };
}

/** What loaders can be told to leave out, unless the user says something else. */
const leaveOut = { badFiles: "skip", unmatched: "skip" } as const;

/**
 * As {@link openFolder}, but where files keep the data set from being opened, it is opened without them, if its loader can
 * do that. Then `problem` is the error, and the data set's notes tell what was left out.
 */
export async function openWhatIsSound(folder: string, flags: DatasetFlags): Promise<OpenedDataset & { readonly problem?: HidiffError }> {
  const spec = await specOf(folder, flags);
  try {
    return { spec, dataset: await openDataset(spec) };
  } catch (problem) {
    const known = new Map(datasetRegistry.entries()).get(spec.name)?.options ?? [];
    const more = Object.entries(leaveOut).filter(([option]) => known.includes(option) && spec[option] === undefined);
    if (!isHidiffError(problem) || more.length === 0) throw problem;
    const dataset = await openDataset({ ...spec, ...Object.fromEntries(more) }).catch(() => {
      throw problem;
    });
    return { spec, dataset, problem };
  }
}

async function specOf(folder: string, { dataset: name, set = [] }: DatasetFlags): Promise<DatasetSpec> {
  const found = name === undefined ? await identifyLayout(folder) : { name, options: {} };
  if (found === undefined) {
    throw new HidiffError(
      "datasets.layout",
      `${folder} has the layout of no known data set. ${await suggestLayout(folder)} If it is a known one all the same, name it with --dataset ` +
        `(${datasetsInFolders().join(", ")}).`,
    );
  }
  return assign({ name: found.name, root: folder, ...found.options }, set.map(parseAssignment)) as DatasetSpec;
}

/** The data sets that are read from a folder, rather than drawn. */
function datasetsInFolders(): string[] {
  return [...datasetRegistry.entries()].filter(([, { options }]) => options.includes("root")).map(([name]) => name);
}
