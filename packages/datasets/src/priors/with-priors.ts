import { HidiffError } from "@hidiff/core-tensor/errors";
import type { SegmentationDataset, SplitName } from "../types.ts";
import { findPriors } from "./find-priors.ts";
import { readPrior } from "./read-prior.ts";

/** Where another program's masks or probabilities are. Plain values only, so that it can be stored and sent to a worker. */
export interface PriorOptions {
  /** A file a case, see `findPriors`. */
  readonly folder: string;
  /** The splits whose cases have a file. Default: all. */
  readonly splits?: readonly SplitName[];
}

/**
 * A data set whose cases have a `prior`: another program's masks or probabilities, on their images' slices (see `readPrior`).
 *
 * @throws as {@link findPriors}. `load` rejects as the data set's own and as {@link readPrior}, and with `datasets.priors` for
 * volumes that do not tell the order of their files
 */
export async function withPriors(dataset: SegmentationDataset, options: PriorOptions): Promise<SegmentationDataset> {
  const { folder, splits = ["train", "validation", "test"] } = options;
  const { classes, volumes } = dataset;
  const ids = [...new Set(splits.flatMap((split) => dataset.splits[split]))];
  const found = await findPriors(folder, ids);
  const notes = [...(dataset.notes ?? []), ...found.notes];
  return {
    ...dataset,
    ...(notes.length === 0 ? {} : { notes }),
    depthOf: (id) => dataset.depthOf(id),
    load: async (id) => {
      const read = await dataset.load(id);
      const path = found.files.get(id);
      const named = `load: "${id}" of "${dataset.name}"`;
      if (path === undefined) throw new HidiffError("datasets.priors", `${named} has no prior: it is in none of the splits ${splits.join(", ")}.`);
      if (volumes !== undefined && volumes.plane !== "stored" && read.volume === undefined) {
        throw new HidiffError(
          "datasets.priors",
          `${named} does not tell how its ${volumes.plane} slices lie in a file, so that "${path}" cannot be laid on them. ` +
            `Open the files as a data set of the kind "folder".`,
        );
      }
      const volume = volumes === undefined || read.volume === undefined ? undefined : { header: read.volume, plane: volumes.plane };
      return { ...read, prior: await readPrior(path, { image: read.image, classes, volume }) };
    },
  };
}
