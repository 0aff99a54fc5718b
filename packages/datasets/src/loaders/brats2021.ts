import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { z } from "zod";
import { parse } from "../config/parse.ts";
import { isFolder } from "../files/is-folder.ts";
import { listFolder } from "../files/list-folder.ts";
import { checkDisjoint, unlistedNote } from "../splits/check.ts";
import { splitByFraction } from "../splits/fractions.ts";
import { validationFrom } from "../splits/validation-from.ts";
import type { SegmentationDataset, SplitName } from "../types.ts";
import { findCase } from "./find-case.ts";
import { findReadable } from "./volume-cases/find-cases.ts";
import {
  type CaseLists,
  caseListsField,
  resizeTo,
  seedField,
  validationField,
  type VolumeDatasetOptions,
  volumeOptionFields,
} from "./volume-cases/options.ts";
import { keepFound, splitsFromLists } from "./volume-cases/case-lists.ts";
import { type FoundVolumeCase, findVolumeCase, loadVolumeCase, volumeFiles, type VolumeReading } from "./volume-cases/volume-case.ts";

export interface Brats2021Options extends VolumeDatasetOptions {
  /** Seeds the split into training and test cases. Default 0. */
  readonly seed?: number;
  /** How many training cases (the last ones) serve as validation instead, or their ids. Default 0. */
  readonly validation?: number | readonly string[];
  /** Files that tell the splits, instead of a random one; then `validation` and `seed` do not apply. */
  readonly lists?: CaseLists;
}

/** File names end in these, in the order of the channels. */
const channelNames: readonly string[] = ["t1", "t1ce", "t2", "flair"];

const reading: VolumeReading = {
  plane: "axial",
  outside: 0,
  channels: channelNames.length,
  labels: {
    values: new Map([[0, 0], [1, 1], [2, 2], [4, 3]]),
    remedy: "BraTS labels the necrotic core 1, oedema 2 and enhancing tumour 4; restore the original file.",
  },
};

const optionsSchema = z.object({ ...volumeOptionFields, seed: seedField, validation: validationField, lists: caseListsField });

/**
 * BraTS 2021: brain tumours in MRI of four sequences (T1, T1 with contrast, T2, FLAIR: the channels, in this order).
 * Each case is a folder such as `BraTS2021_00000` with `BraTS2021_00000_t1.nii.gz`, `_t1ce`, `_t2`, `_flair` and the
 * labels `_seg`; the root holds the folders, or another folder that does (`BraTS2021_Training_Data`).
 *
 * Classes: 1 necrotic core, 2 oedema, 3 enhancing tumour (4 in the files). No list of the paper's 1126 training and 125
 * test cases is published: cases are split at random by `seed` in these proportions, which for the 1251 cases gives
 * exactly these numbers. Slices are axial.
 *
 * Default preprocessing: 8 pixels are cut from every side of a slice (240×240 to 224×224), each channel is z-scored over
 * the brain (voxels that are not 0 in all channels), slices are resized to 256×256.
 *
 * @throws `datasets.layout` for folders without cases, missing sequences or labels, `datasets.list` and `datasets.overlap`
 * for wrong lists, `config.invalid` and `datasets.option` for wrong options. `load` rejects with `datasets.id`,
 * `datasets.labels` for labels out of range or on another grid, `datasets.grid` where the sequences' grids differ; all name the files.
 */
export async function openBrats2021(root: string, options: Brats2021Options = {}): Promise<SegmentationDataset> {
  const settings = parse(optionsSchema, options, "openBrats2021: what is given as options");
  const folders = await caseFolders(root);
  const ids = [...folders.keys()];
  const chosen = await chooseSplits(ids, settings);
  const { cases, notes } = await findReadable(ids, settings.badFiles, async (id): Promise<FoundVolumeCase> => {
    const folder = folders.get(id)!;
    const files = await volumeFiles(folder, "the files of a case");
    const needed = [...channelNames, "seg"];
    const missing = needed.filter((name) => !files.has(`${id}_${name}`));
    if (missing.length > 0) {
      throw new HidiffError(
        "datasets.layout",
        `openBrats2021: the case "${folder}" lacks ${missing.join(", ")}: expected ${missing.map((name) => `"${id}_${name}.nii.gz"`).join(", ")}. ` +
          `Restore the files, or set badFiles to "skip" to go without such cases.`,
      );
    }
    const [labels, ...images] = [...needed].reverse().map((name) => files.get(`${id}_${name}`)!);
    return findVolumeCase(root, { id, images: images.reverse(), labels: labels! }, reading.plane);
  });
  const get = (id: string): FoundVolumeCase => findCase("brats2021", cases, id);
  return {
    name: "brats2021",
    imageChannels: channelNames.length,
    volumes: { plane: reading.plane, outside: reading.outside },
    channelNames,
    classes: 4,
    classNames: ["background", "necrotic core", "oedema", "enhancing tumour"],
    splits: keepFound(chosen, cases),
    notes: [...(settings.lists === undefined ? [] : unlistedNote(ids, chosen)), ...notes],
    preprocessing: settings.preprocessing ?? [
      { step: "crop-border", pixels: 8 },
      { step: "z-score", region: "nonzero" },
      ...resizeTo(settings.size === undefined ? 256 : settings.size),
    ],
    depthOf: (id) => get(id).depth,
    load: async (id) => loadVolumeCase(get(id).files, reading),
  };
}

async function chooseSplits(ids: readonly string[], settings: z.output<typeof optionsSchema>): Promise<Record<SplitName, readonly string[]>> {
  if (settings.lists !== undefined) return splitsFromLists("openBrats2021", settings.lists, ids);
  if (ids.length === 1) return { train: ids, validation: [], test: [] };
  const { train, test } = splitByFraction(ids, { fractions: { validation: 0, test: 125 / 1251 }, seed: settings.seed });
  return { ...validationFrom("openBrats2021", train, settings.validation), test };
}

/** The cases' folders by name: in the root, or in folders of it. */
async function caseFolders(root: string): Promise<Map<string, string>> {
  const isCase = (name: string): boolean => /^BraTS.*_\d+$/i.test(name);
  const names = await listFolder(root, "the folder of the cases of BraTS 2021");
  const direct = names.filter(isCase).map((name) => [name, join(root, name)] as const);
  if (direct.length > 0) return new Map(direct);
  const nested: (readonly [string, string])[] = [];
  for (const parent of names.map((name) => join(root, name))) {
    if (!(await isFolder(parent))) continue;
    const inner = await listFolder(parent);
    nested.push(...inner.filter(isCase).map((name) => [name, join(parent, name)] as const));
  }
  if (nested.length === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openBrats2021: neither "${root}" nor its folders hold a case folder like "BraTS2021_00000" with "BraTS2021_00000_t1.nii.gz" in it. ` +
        `Give the folder of the unpacked cases.`,
    );
  }
  checkDisjoint("openBrats2021", { [root]: nested.map(([name]) => name) });
  return new Map(nested.sort(([a], [b]) => (a < b ? -1 : 1)));
}
