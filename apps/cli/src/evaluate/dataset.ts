import { readRunConfiguration } from "hidiff/node";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { DatasetSpec, SegmentationDataset, VolumeSlicing } from "@hidiff/datasets";
import type { BundleManifest } from "hidiff";
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

/**
 * Volumes must be cut into slices as in training: in another plane, and of pictures in other units, a model's masks are
 * wrong without a sign of it.
 *
 * @throws HidiffError `evaluate.volumes`
 */
export function requireSameSlicing({ name, preprocessing: { volumes: own } }: BundleManifest, { name: dataset, volumes: theirs }: SegmentationDataset): void {
  if (own?.plane === theirs?.plane) return;
  const describe = (slicing: VolumeSlicing | undefined): string => (slicing === undefined ? "pictures that say nothing of the patient's axes" : `${slicing.plane} slices of volumes`);
  const remedy = own === undefined || theirs === undefined ? "evaluate it on a data set of the kind it was trained on" : `open the data set with --set plane=${own.plane}`;
  throw new HidiffError("evaluate.volumes", `The model ${name} was trained on ${describe(own)}, but ${dataset} holds ${describe(theirs)}; ${remedy}.`);
}
