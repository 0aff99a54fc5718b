import { HidiffError } from "@hidiff/core-tensor/errors";
import type { SegmentationDataset, SplitName } from "@hidiff/datasets";
import { identifyLayout, openDataset, suggestLayout } from "@hidiff/datasets/node";
import { preset } from "./presets.ts";
import type { ConfigurationInput } from "./schema.ts";

/** A configuration for a folder that somebody wants to train on. */
export interface SuggestedConfiguration {
  /** The preset that it is made of. */
  readonly preset: string;
  /** With the data set's name and folder. */
  readonly configuration: ConfigurationInput;
  /** How many cases each split has. */
  readonly splits: Readonly<Record<SplitName, number>>;
  /** Whether the cases are volumes, which are trained on slice by slice. */
  readonly volumes: boolean;
}

/** The small presets for the published layouts of photographs. */
const photographPresets: Readonly<Record<string, string>> = {
  drive: "drive-small",
  "chase-db1": "drive-small",
  "kvasir-seg": "kvasir-small",
  "cvc-clinicdb": "kvasir-small",
};

/** Slices up to this many pixels a side are trained on as they are. */
const smallSlice = 64;

/**
 * Recognises the data set in a folder by its layout and chooses a small preset for it.
 *
 * @param options of the data set, such as `images` and `masks`; with `name`, the layout need not be a known one
 * @throws HidiffError `datasets.layout` for a layout that no data set has, with what can be done, and those of the loaders
 */
export async function suggestConfiguration(root: string, options: Readonly<Record<string, unknown>> = {}): Promise<SuggestedConfiguration> {
  const named = typeof options["name"] === "string" ? { name: options["name"], options: {} } : undefined;
  const found = named ?? (await identifyLayout(root));
  if (found === undefined) {
    throw new HidiffError("datasets.layout", `${root} has the layout of no known data set. ${await suggestLayout(root)}`);
  }
  const spec = { ...found.options, ...options, name: found.name, root };
  const dataset = await openDataset(spec);
  const volumes = dataset.volumes !== undefined;
  const choice = await choosePreset(found.name, dataset);
  const { preprocessing, ...rest } = preset(choice.preset);
  const configuration = {
    ...rest,
    ...(preprocessing === undefined || choice.options !== undefined ? {} : { preprocessing }),
    dataset: { ...choice.options, ...spec },
  };
  const { train, validation, test } = dataset.splits;
  return { preset: choice.preset, configuration, splits: { train: train.length, validation: validation.length, test: test.length }, volumes };
}

/** A preset, and options of the data set that take the place of the preset's preprocessing. */
interface Choice {
  readonly preset: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

async function choosePreset(name: string, dataset: SegmentationDataset): Promise<Choice> {
  const known = photographPresets[name];
  if (known !== undefined) return { preset: known };
  if (dataset.volumes === undefined) return { preset: "folder-small" };
  if (name === "folder") return { preset: "folder-volumes-small" };
  if (name === "msd" && (await hasSmallSlices(dataset))) return { preset: "hippocampus-small" };
  // These loaders have preprocessing of their own, which resizes slices.
  return { preset: "folder-volumes-small", options: { size: 128 } };
}

async function hasSmallSlices({ splits, load }: SegmentationDataset): Promise<boolean> {
  const [first] = splits.train;
  if (first === undefined) return false;
  const { image } = await load(first);
  return Math.max(image.height, image.width) <= smallSlice;
}
