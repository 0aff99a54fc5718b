import { join } from "node:path";
import { HidiffError, isHidiffError } from "@hidiff/core-tensor/errors";
import { decodeNpz, type NpyArray } from "@hidiff/core-tensor/files";
import { readHdf5, readHdf5Shapes } from "../../containers/hdf5.ts";
import { isFolder } from "../../files/is-folder.ts";
import { checkInside } from "../../files/inside.ts";
import { listFolder } from "../../files/list-folder.ts";
import { readWholeFile } from "../../files/read-file.ts";
import { firstFew } from "../../splits/check.ts";
import { synapseTest, synapseTrainSlices } from "../../splits/lists/synapse.ts";
import type { SegmentationCase, SegmentationDataset } from "../../types.ts";
import { arrayCase, checkCaseShapes } from "./arrays.ts";
import { synapseClassNames, synapseLabelValues } from "./classes.ts";
import type { SynapseSettings } from "./options.ts";
import { checkPublished, differencesFromPublished, patientOf, readSynapseLists, type SynapseLists, synapseSplits } from "./splits.ts";
import type { LabelValues } from "../volume-cases/label-values.ts";
import { findReadable } from "../volume-cases/find-cases.ts";
import { resizeTo } from "../volume-cases/options.ts";
import { keepFound } from "../volume-cases/case-lists.ts";

const remedy = {
  transunet: 'If these files hold BTCV\'s 13 organs, open the data set with the option labels: "btcv".',
  btcv: 'BTCV numbers 13 organs; if these files hold TransUNet\'s 8, open the data set with the option labels: "transunet".',
} as const;

/** TransUNet's preprocessed files; see {@link openSynapse}. */
export async function openSynapsePreprocessed(root: string, settings: SynapseSettings): Promise<SegmentationDataset> {
  const folders = { train: join(root, "train_npz"), test: join(root, "test_vol_h5") };
  const slices = await filesById(folders.train, /^(.+_slice\d+)\.npz$/i);
  const volumes = await filesById(folders.test, /^(.+?)(?:\.npy)?\.h5$/i);
  if (slices.size + volumes.size === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openSynapse: neither "${folders.train}" holds a file like "case0005_slice000.npz" nor "${folders.test}" one like "case0001.npy.h5".`,
    );
  }
  const lists = await readSynapseLists(root, settings.lists);
  const training = trainingSlices(slices, folders.train, lists);
  const test = testVolumes(volumes, folders.test, lists);
  if (training.size + test.length === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openSynapse: "${root}" holds none of the published cases (${firstFew(synapseTest)}) but ${firstFew([...slices.keys(), ...volumes.keys()])}. ` +
        `Name your own split in lists_Synapse/train.txt and lists_Synapse/test_vol.txt.`,
    );
  }
  const chosen = synapseSplits(training, test, settings.validation);
  const differences = differencesFromPublished(new Map([...training].map(([patient, ids]) => [patient, ids.length])), test);
  checkPublished(root, differences, settings.strict);
  const unused = [...new Set([...slices.keys()].map(patientOf)), ...volumes.keys()].filter((id) => !training.has(id) && !test.includes(id));

  const labels: LabelValues = { values: synapseLabelValues[settings.labels ?? "transunet"], remedy: remedy[settings.labels ?? "transunet"] };
  const depths = await findReadable(test, settings.badFiles, async (id) => {
    const path = volumes.get(id)!;
    checkInside(root, path);
    const shapes = await readHdf5Shapes(path);
    return checkCaseShapes(path, shapes.get("image"), shapes.get("label"), 3)[0];
  });
  const trainingIds = new Set([...training.values()].flat());
  const splits = keepFound(chosen, new Map<string, unknown>([...depths.cases, ...[...trainingIds].map((id) => [id, 1] as const)]));
  const unknown = (id: string): HidiffError =>
    new HidiffError("datasets.id", `synapse: there is no case "${id}"; ids look like "case0005_slice000" for training slices and "case0001" for test volumes.`);
  return {
    name: "synapse",
    imageChannels: 1,
    classes: synapseClassNames.length,
    classNames: synapseClassNames,
    splits,
    groups: new Map([...trainingIds, ...depths.cases.keys()].map((id) => [id, patientOf(id)])),
    notes: [
      ...differences,
      ...(unused.length === 0 ? [] : [`${unused.length} cases in the folders belong to no split and are not used: ${firstFew(unused, 12)}.`]),
      ...depths.notes,
    ],
    preprocessing: settings.preprocessing ?? resizeTo(settings.size === undefined ? 256 : settings.size),
    depthOf: (id) => {
      const depth = trainingIds.has(id) ? 1 : depths.cases.get(id);
      if (depth === undefined) throw unknown(id);
      return depth;
    },
    load: async (id) => {
      const path = trainingIds.has(id) ? slices.get(id)! : depths.cases.has(id) ? volumes.get(id)! : undefined;
      if (path === undefined) throw unknown(id);
      checkInside(root, path);
      return trainingIds.has(id) ? loadSlice(id, path, labels) : loadVolume(id, path, labels);
    },
  };
}

async function loadSlice(id: string, path: string, labels: LabelValues): Promise<SegmentationCase> {
  return checkedCase(id, path, decodeSlice(path, await readWholeFile(path)), 2, labels);
}

/** Far more than a slice needs, which is 2 MB: what unpacks to more is no slice. */
const limitBytes = 2 ** 27;

function decodeSlice(path: string, bytes: Uint8Array): Map<string, NpyArray> {
  try {
    return decodeNpz(bytes, `"${path}"`, { limitBytes });
  } catch (error) {
    if (!isHidiffError(error)) throw error;
    const reason =
      error.code === "npz.limit"
        ? `"${path}" (${bytes.length} bytes) would unpack to more than ${limitBytes} bytes, which no slice needs. Copy or download the file again.`
        : error.message;
    throw new HidiffError("datasets.npz", `load: ${reason}`, { cause: error });
  }
}

async function loadVolume(id: string, path: string, labels: LabelValues): Promise<SegmentationCase> {
  return checkedCase(id, path, await readHdf5(path, ["image", "label"]), 3, labels);
}

function checkedCase(id: string, path: string, arrays: ReadonlyMap<string, NpyArray>, rank: 2 | 3, labels: LabelValues): SegmentationCase {
  const shape = checkCaseShapes(path, arrays.get("image")?.shape, arrays.get("label")?.shape, rank);
  return arrayCase(id, path, shape, arrays.get("image")!.data, arrays.get("label")!.data, labels);
}

/** The files of a folder whose names match, by the part in parentheses; none where there is no such folder. */
async function filesById(folder: string, pattern: RegExp): Promise<Map<string, string>> {
  if (!(await isFolder(folder))) return new Map();
  const files = new Map<string, string>();
  for (const name of await listFolder(folder, "TransUNet's preprocessed files")) {
    const id = pattern.exec(name)?.[1];
    if (id !== undefined) files.set(id, join(folder, name));
  }
  return files;
}

/** The slices of each training patient: those that the list names, or all of the published patients. */
function trainingSlices(files: ReadonlyMap<string, string>, folder: string, lists: SynapseLists | undefined): Map<string, string[]> {
  if (lists !== undefined && files.size > 0) {
    const missing = lists.train.filter((id) => !files.has(id));
    if (missing.length > 0) throw missingFiles(join(lists.folder, "train.txt"), folder, missing, (id) => `${id}.npz`);
  }
  const ids = lists === undefined ? [...files.keys()].filter((id) => synapseTrainSlices[patientOf(id)] !== undefined) : lists.train;
  const patients = new Map<string, string[]>();
  if (files.size === 0) return patients;
  for (const id of ids) {
    const patient = patientOf(id);
    const known = patients.get(patient);
    if (known === undefined) patients.set(patient, [id]);
    else known.push(id);
  }
  if (lists === undefined) for (const [patient, members] of patients) checkNumbers(folder, patient, members);
  return patients;
}

function testVolumes(files: ReadonlyMap<string, string>, folder: string, lists: SynapseLists | undefined): readonly string[] {
  if (files.size === 0) return [];
  if (lists === undefined) return synapseTest.filter((id) => files.has(id));
  const missing = lists.test.filter((id) => !files.has(id));
  if (missing.length > 0) throw missingFiles(join(lists.folder, "test_vol.txt"), folder, missing, (id) => `${id}.npy.h5`);
  return lists.test;
}

function missingFiles(list: string, folder: string, missing: readonly string[], name: (id: string) => string): HidiffError {
  return new HidiffError(
    "datasets.list",
    `openSynapse: "${list}" names ${missing.length} cases without a file in "${folder}": expected ${firstFew(missing.map(name))}. ` +
      `Restore the files or take the lines out of the list.`,
  );
}

/** @throws `datasets.layout` unless the slices of a patient are numbered 0, 1, 2, … without a gap */
function checkNumbers(folder: string, patient: string, ids: readonly string[]): void {
  const numbers = new Set(ids.map((id) => Number(/(\d+)$/.exec(id)![1])));
  const last = Math.max(...numbers);
  const missing = Array.from({ length: last + 1 }, (_, number) => number).filter((number) => !numbers.has(number));
  if (missing.length === 0) return;
  throw new HidiffError(
    "datasets.layout",
    `openSynapse: "${folder}" lacks ${missing.length} slices of "${patient}" between 0 and ${last}: number ${firstFew(missing.map(String), 8)}. ` +
      `Restore the files, or name the slices to use in lists_Synapse/train.txt.`,
  );
}
