import { readRunConfiguration } from "hidiff/node";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { DatasetSpec, SegmentationDataset, SplitName, VolumeSlicing } from "@hidiff/datasets";
import { openDataset, withPriors } from "@hidiff/datasets/node";
import { type BundleManifest, takesPriors } from "hidiff";
import { usageError } from "../errors.ts";
import { assign, parseAssignment } from "../options/assignments.ts";
import { checkPriorsOption, type FoundModel } from "../options/model.ts";

export interface DatasetOptions {
  readonly dataset?: string;
  readonly data?: string;
  readonly set?: readonly string[];
  /** A folder with another program's masks or probabilities, a file a case. */
  readonly priors?: string;
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

/** A data set to evaluate on, and the folder of its cases' priors, if they have some. */
interface EvaluatedDataset {
  readonly dataset: SegmentationDataset;
  readonly priors: string | undefined;
  /** What the user should know of the choice of priors. */
  readonly notes: readonly string[];
}

/**
 * Opens a data set, for a model that refines another program's masks with these: of the folder of `--priors`, else of the
 * training's, if the data set is the training's in its own folder.
 *
 * @throws HidiffError `usage.option` for priors that the model does not take, and as `openDataset` and `withPriors`
 */
export async function openEvaluatedDataset(found: FoundModel, spec: DatasetSpec, options: DatasetOptions & { readonly split: SplitName }): Promise<EvaluatedDataset> {
  checkPriorsOption(found.model, options.priors);
  const dataset = await openDataset(spec);
  const priors = await priorsFolder(found, spec, options);
  if (priors === undefined) return { dataset, priors, notes: [] };
  const withThem = await withPriors(dataset, { folder: priors, splits: [options.split] });
  return { dataset: withThem, priors, notes: withThem.notes?.filter((note) => dataset.notes?.includes(note) !== true) ?? [] };
}

async function priorsFolder({ model, run }: FoundModel, spec: DatasetSpec, { priors }: DatasetOptions): Promise<string | undefined> {
  if (priors !== undefined || run === undefined || !takesPriors(model.model)) return priors;
  const trained = await readRunConfiguration(run);
  return spec.name === trained.dataset.name && spec["root"] === trained.dataset["root"] ? trained.priors?.folder : undefined;
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
