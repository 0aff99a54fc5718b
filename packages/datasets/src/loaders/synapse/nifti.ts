import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { firstFew } from "../../splits/check.ts";
import { synapseTest, synapseTrainSlices } from "../../splits/lists/synapse.ts";
import type { SegmentationDataset } from "../../types.ts";
import { findCase } from "../find-case.ts";
import { synapseClassNames, synapseLabelValues } from "./classes.ts";
import type { SynapseSettings } from "./options.ts";
import { checkPublished, differencesFromPublished, patientOf, readSynapseLists, synapseSplits } from "./splits.ts";
import { findReadable } from "../volume-cases/find-cases.ts";
import { resizeTo } from "../volume-cases/options.ts";
import { keepFound } from "../volume-cases/case-lists.ts";
import { type FoundVolumeCase, findVolumeCase, loadVolumeCase, volumeFiles, type VolumeReading } from "../volume-cases/volume-case.ts";

/** What surrounds a CT, in Hounsfield units. */
const air = -1024;

/** BTCV's CTs and labels as NIfTI; see {@link openSynapse}. */
export async function openSynapseNifti(root: string, imageFolder: string, labelFolder: string, settings: SynapseSettings): Promise<SegmentationDataset> {
  const images = new Map<string, { readonly base: string; readonly path: string }>();
  for (const [base, path] of await volumeFiles(imageFolder, "BTCV's CTs")) {
    const other = images.get(caseId(base));
    if (other !== undefined) {
      throw new HidiffError("datasets.layout", `openSynapse: "${other.path}" and "${path}" are both "${caseId(base)}". Remove one of them.`);
    }
    images.set(caseId(base), { base, path });
  }
  const labelFiles = await volumeFiles(labelFolder, "the CTs' labels");
  if (images.size === 0) {
    throw new HidiffError("datasets.layout", `openSynapse: "${imageFolder}" holds no CT; expected files like "img0001.nii.gz".`);
  }
  const lists = await readSynapseLists(root, settings.lists);
  const listed = lists === undefined ? [] : [...new Set([...lists.train, ...lists.test].map(patientOf))];
  const absent = listed.filter((id) => !images.has(id));
  if (lists !== undefined && absent.length > 0) {
    throw new HidiffError(
      "datasets.list",
      `openSynapse: the lists in "${lists.folder}" name ${absent.length} cases without a CT in "${imageFolder}": ${firstFew(absent, 8)}. ` +
        `Restore the files ("img0001.nii.gz" is "case0001") or take the lines out of the lists.`,
    );
  }
  const train = lists === undefined ? Object.keys(synapseTrainSlices).filter((id) => images.has(id)) : [...new Set(lists.train.map(patientOf))];
  const test = lists === undefined ? synapseTest.filter((id) => images.has(id)) : [...new Set(lists.test.map(patientOf))];
  if (train.length + test.length === 0) {
    throw new HidiffError(
      "datasets.layout",
      `openSynapse: "${imageFolder}" holds none of the published cases (img0001, …) but ${firstFew([...images.keys()])}. ` +
        `Name your own split in lists_Synapse/train.txt and lists_Synapse/test_vol.txt.`,
    );
  }
  const chosen = synapseSplits(new Map(train.map((id) => [id, [id]])), test, settings.validation);

  const numbering = settings.labels ?? "btcv";
  const reading: VolumeReading = {
    plane: "axial",
    outside: air,
    channels: 1,
    labels: {
      values: synapseLabelValues[numbering],
      remedy: numbering === "btcv" ? "BTCV numbers 13 organs; restore the original file." : 'BTCV\'s own label files need the option labels: "btcv".',
    },
  };
  const found = await findReadable([...train, ...test], settings.badFiles, async (id): Promise<FoundVolumeCase> => {
    const { base, path } = images.get(id)!;
    const candidates = labelNames(base);
    const label = candidates.map((name) => labelFiles.get(name)).find((file) => file !== undefined);
    if (label === undefined) {
      throw new HidiffError(
        "datasets.layout",
        `openSynapse: the CT "${path}" has no label file: expected "${join(labelFolder, `${candidates[0]}.nii.gz`)}". Restore it or remove the CT.`,
      );
    }
    return findVolumeCase(root, { id, images: [path], labels: label }, reading.plane);
  });
  const slices = new Map(train.map((id) => [id, found.cases.get(id)?.depth]));
  const differences = differencesFromPublished(slices, test);
  checkPublished(root, differences, settings.strict);
  const unused = [...images.keys()].filter((id) => !train.includes(id) && !test.includes(id));
  const bases = new Set([...images.values()].map(({ base }) => base));
  const strays = [...labelFiles].filter(([name]) => !imageNames(name).some((base) => bases.has(base))).map(([, path]) => path);
  const get = (id: string): FoundVolumeCase => findCase("synapse", found.cases, id);
  return {
    name: "synapse",
    imageChannels: 1,
    volumes: { plane: reading.plane, outside: reading.outside },
    classes: synapseClassNames.length,
    classNames: synapseClassNames,
    splits: keepFound(chosen, found.cases),
    groups: new Map([...found.cases.keys()].map((id) => [id, id])),
    notes: [
      ...differences,
      ...(unused.length === 0 ? [] : [`${unused.length} CTs belong to no split and are not used: ${firstFew(unused, 12)}.`]),
      ...(strays.length === 0 ? [] : [`${strays.length} label files have no CT and are not used: ${firstFew(strays.map((path) => `"${path}"`))}.`]),
      ...found.notes,
    ],
    preprocessing: settings.preprocessing ?? [
      { step: "clip", low: -125, high: 275, to: [0, 1] },
      ...resizeTo(settings.size === undefined ? 256 : settings.size),
    ],
    depthOf: (id) => get(id).depth,
    load: async (id) => loadVolumeCase(get(id).files, reading),
  };
}

/** How the labels of a CT may be called. */
function labelNames(base: string): readonly [string, ...string[]] {
  return [base.replace(/^img/, "label"), `${base}_seg`, base];
}

/** How the CT of a label file may be called. */
function imageNames(base: string): readonly string[] {
  return [base.replace(/^label/, "img"), base.replace(/_seg$/, ""), base];
}

/** `case0001` for `img0001`, as the literature calls it; other files are called by their names. */
function caseId(base: string): string {
  return base.replace(/^img(?=\d+$)/, "case");
}
