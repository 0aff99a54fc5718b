import { readRunConfiguration } from "hidiff/node";
import type { DatasetSpec } from "@hidiff/datasets";
import { usageError } from "../errors.ts";
import { assign, parseAssignment } from "../options/assignments.ts";
import type { FoundModel } from "../options/model.ts";

export interface DatasetOptions {
  readonly dataset?: string;
  readonly data?: string;
  readonly set?: readonly string[];
}

/**
 * The data set to evaluate on: the one named, else the one of the training, changed by `--data` and `--set`.
 *
 * @throws HidiffError `usage.option`
 */
export async function datasetSpec({ model, run }: FoundModel, { dataset, data, set = [] }: DatasetOptions): Promise<DatasetSpec> {
  const trained = run === undefined ? undefined : ((await readRunConfiguration(run)).dataset as DatasetSpec);
  const name = dataset ?? trained?.name ?? model.manifest.provenance["dataset"];
  if (typeof name !== "string") throw usageError("the model does not say on which data set it was trained; name one with --dataset NAME.");
  const base: DatasetSpec = trained?.name === name ? trained : { name };
  return assign({ ...base, ...(data === undefined ? {} : { root: data }) }, set.map(parseAssignment)) as DatasetSpec;
}
