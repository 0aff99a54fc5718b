import { HidiffError } from "@hidiff/core-tensor/errors";
import { parse } from "../../config/parse.ts";
import { mapBounded } from "../../files/map-bounded.ts";
import { kFolds } from "../../splits/k-folds.ts";
import { unlistedNote } from "../../splits/check.ts";
import { splitByFraction } from "../../splits/fractions.ts";
import { validationFrom } from "../../splits/validation-from.ts";
import type { SegmentationDataset, SplitName } from "../../types.ts";
import { readVolume } from "../../volumes/read-volume.ts";
import { findCase } from "../find-case.ts";
import { checkFilesExist, readMsdTask } from "./files.ts";
import { type MsdOptions, msdOptionsSchema, type MsdSettings } from "./options.ts";
import { msdPreprocessing } from "./preprocessing.ts";
import { distinctValues } from "../volume-cases/label-values.ts";
import { findReadable } from "../volume-cases/find-cases.ts";
import { resizeTo } from "../volume-cases/options.ts";
import { keepFound, splitsFromLists } from "../volume-cases/case-lists.ts";
import { type FoundVolumeCase, findVolumeCase, loadVolumeCase, type VolumeReading } from "../volume-cases/volume-case.ts";

/**
 * A task of the Medical Segmentation Decathlon: volumes with labels, described by `dataset.json` or given by the folders
 * `imagesTr` and `labelsTr` alone (files of the same name belong together). Images of several channels are 4-D files. The
 * challenge's test images (`imagesTs`) have no labels and are not used; the labelled cases are split at random by `seed`,
 * 80/10/10, or as `folds` or `lists` say. Ids are the images' names without extension: `hippocampus_001`.
 *
 * A task of one label is binary: classes 1. See {@link msdPreprocessing} for the default preprocessing; slices keep their
 * size unless `size` is given.
 *
 * @throws `datasets.layout` for missing folders or files, `datasets.description` and `config.invalid` for a wrong
 * `dataset.json`, `datasets.path` where it names files outside of the root, `datasets.list` and `datasets.overlap` for wrong
 * lists, `datasets.labels` where the classes cannot be told, `config.invalid` and `datasets.option` for wrong options. `load`
 * rejects with `datasets.id`, `datasets.labels` for labels out of range or on another grid than the image.
 */
export async function openMsd(root: string, options: MsdOptions = {}): Promise<SegmentationDataset> {
  const settings = parse(msdOptionsSchema, options, "openMsd: what is given as options");
  const task = await readMsdTask(root);
  const ids = [...task.cases.keys()].sort();
  const chosen = await chooseSplits(ids, settings);
  const { cases, notes } = await findReadable(ids, settings.badFiles, async (id) => {
    const files = task.cases.get(id)!;
    await checkFilesExist(files);
    return findVolumeCase(root, files, settings.plane);
  });
  const first = cases.get(ids.find((id) => cases.has(id)) ?? "");
  if (first === undefined) throw new HidiffError("datasets.layout", `openMsd: none of the ${ids.length} cases in "${root}" can be read: ${notes[0]}`);
  const names = settings.classes === undefined ? (task.labels ?? (await scanLabels(cases, root))) : classNamesOf(settings.classes);
  const modalityNote =
    task.modalities === undefined && settings.modality === undefined && settings.preprocessing === undefined
      ? [`"${root}" has no dataset.json that tells what the images are: they are prepared as MRI. For CT give the option modality.`]
      : [];
  const modalities = task.modalities ?? Array.from({ length: first.channels }, () => settings.modality ?? "MRI");
  const reading: VolumeReading = {
    plane: settings.plane,
    outside: modalities.every((modality) => /^ct$/i.test(modality)) ? -1024 : 0,
    channels: modalities.length,
    labels: {
      values: new Map([...names.keys()].map((value, index) => [value, index])),
      remedy: "Restore the file, or give the number or names of all classes by the option classes.",
    },
  };
  const get = (id: string): FoundVolumeCase => findCase("msd", cases, id);
  const classNames = [...names.values()];
  return {
    name: "msd",
    imageChannels: modalities.length,
    volumes: { plane: reading.plane, outside: reading.outside },
    ...(modalities.length > 1 && task.modalities !== undefined ? { channelNames: modalities } : {}),
    classes: classNames.length === 2 ? 1 : classNames.length,
    classNames: classNames.length === 2 ? classNames.slice(1) : classNames,
    splits: keepFound(chosen, cases),
    notes: [...task.notes, ...(settings.lists === undefined ? [] : unlistedNote(ids, chosen)), ...modalityNote, ...notes],
    preprocessing: settings.preprocessing ?? [...msdPreprocessing(task.name, modalities), ...resizeTo(settings.size ?? null)],
    depthOf: (id) => get(id).depth,
    load: async (id) => loadVolumeCase(get(id).files, reading),
  };
}

async function chooseSplits(ids: readonly string[], settings: MsdSettings): Promise<Record<SplitName, readonly string[]>> {
  if (settings.lists !== undefined) return splitsFromLists("openMsd", settings.lists, ids);
  if (settings.folds !== undefined) {
    const { train, heldOut } = kFolds(ids, { ...settings.folds, seed: settings.seed });
    return { ...validationFrom("openMsd", train, settings.validation), test: heldOut };
  }
  if (ids.length < 3) return { train: ids, validation: [], test: [] };
  return splitByFraction(ids, { fractions: { validation: 0.1, test: 0.1 }, seed: settings.seed });
}

/** File value → name. */
function classNamesOf(classes: number | readonly string[]): Map<number, string> {
  const names = typeof classes === "number" ? Array.from({ length: classes }, (_, value) => defaultName(value, classes)) : classes;
  return new Map(names.map((name, value) => [value, name]));
}

function defaultName(value: number, classes: number): string {
  if (value === 0) return "background";
  return classes === 2 ? "foreground" : `class ${value}`;
}

/** The classes that occur in the label files, which are all read. */
async function scanLabels(cases: ReadonlyMap<string, FoundVolumeCase>, root: string): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  await mapBounded([...cases.values()], 2, async ({ files }) => {
    const { data, slope, intercept } = await readVolume(files.labels);
    for (const value of distinctValues(data, slope, intercept)) if (!found.has(value)) found.set(value, files.labels);
  });
  const values = [...found.keys()].sort((a, b) => a - b);
  const gap = values.findIndex((value, index) => value !== index);
  if (gap >= 0 || values.length < 2 || values.length > 256) {
    throw new HidiffError(
      "datasets.labels",
      `openMsd: the label files in "${root}" hold the values ${values.slice(0, 12).join(", ")}${values.length > 12 ? ", …" : ""}` +
        `${gap < 0 ? "" : ` (${values[gap]} in "${found.get(values[gap]!)!}")`}; expected 0, 1, 2, … without a gap. ` +
        `Name the labels in a dataset.json, or tell the classes by the option classes.`,
    );
  }
  return classNamesOf(values.length);
}
