import { join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { exists } from "@hidiff/core-tensor/files-node";
import { checkInside } from "../../files/inside.ts";
import { readListFile } from "../../files/list-file.ts";
import { checkDisjoint, firstFew } from "../../splits/check.ts";
import { synapseTest, synapseTrainSlices } from "../../splits/lists/synapse.ts";
import { validationFrom } from "../../splits/validation-from.ts";
import type { SplitName } from "../../types.ts";

/** `train.txt` and `test_vol.txt`. */
export interface SynapseLists {
  /** The folder of the lists. */
  readonly folder: string;
  /** Slices (`case0005_slice000`) or cases (`case0005`). */
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** The lists in `given`, or in their usual folders under the root; undefined where there are none. */
export async function readSynapseLists(root: string, given: string | undefined): Promise<SynapseLists | undefined> {
  const folders = given === undefined ? [join(root, "lists_Synapse"), join(root, "lists", "lists_Synapse")] : [given];
  for (const folder of folders) {
    const train = join(folder, "train.txt");
    if (given === undefined) {
      if (!(await exists(train))) continue;
      for (const path of [train, join(folder, "test_vol.txt")]) checkInside(root, path);
    }
    const lists = { folder, train: await readListFile(train), test: await readListFile(join(folder, "test_vol.txt")) };
    checkDisjoint("openSynapse", { [train]: lists.train, [join(folder, "test_vol.txt")]: lists.test });
    return lists;
  }
  return undefined;
}

/** The patient of a slice or case: `case0005` of `case0005_slice000`. */
export function patientOf(id: string): string {
  return /^(.+)_slice\d+$/.exec(id)?.[1] ?? id;
}

/**
 * The splits, with validation patients taken from the training ones.
 *
 * @param training the ids of each training patient, in order
 */
export function synapseSplits(
  training: ReadonlyMap<string, readonly string[]>,
  test: readonly string[],
  validation: number | readonly string[],
): Record<SplitName, readonly string[]> {
  checkDisjoint("openSynapse", { "the training patients": [...training.keys()], "the test patients": test });
  const patients =
    training.size === 0 && validation === 0 ? { train: [], validation: [] } : validationFrom("openSynapse", [...training.keys()], validation);
  const ids = (names: readonly string[]): string[] => names.flatMap((patient) => training.get(patient)!);
  return { train: ids(patients.train), validation: ids(patients.validation), test };
}

/**
 * How the files differ from the published split, a sentence each.
 *
 * @param slices the number of slices of each training patient; undefined where the files do not tell
 */
export function differencesFromPublished(slices: ReadonlyMap<string, number | undefined>, test: readonly string[]): string[] {
  const differences: string[] = [];
  const publishedTrain = Object.keys(synapseTrainSlices);
  const compare = (what: string, found: readonly string[], published: readonly string[]): void => {
    const missing = published.filter((id) => !found.includes(id));
    const added = found.filter((id) => !published.includes(id));
    if (missing.length > 0) differences.push(`${missing.length} of the ${published.length} published ${what} cases are missing: ${missing.join(", ")}.`);
    if (added.length > 0) differences.push(`${added.length} ${what} cases are not among the published ones: ${firstFew(added, 18)}.`);
  };
  compare("training", [...slices.keys()], publishedTrain);
  compare("test", test, synapseTest);
  const odd = [...slices].filter(([id, count]) => count !== undefined && synapseTrainSlices[id] !== undefined && count !== synapseTrainSlices[id]);
  for (const [id, count] of odd) differences.push(`"${id}" has ${count} slices; ${synapseTrainSlices[id]} are published.`);
  const total = [...slices.values()].reduce<number>((sum, count) => sum + (count ?? 0), 0);
  if (slices.size > 0 && [...slices.values()].every((count) => count !== undefined) && total !== 2211) {
    differences.push(`There are ${total} training slices; 2211 are published.`);
  }
  return differences;
}

/** @throws `datasets.published` that lists the differences, with `strict`; else they are notes. */
export function checkPublished(root: string, differences: readonly string[], strict: boolean): void {
  if (!strict || differences.length === 0) return;
  throw new HidiffError(
    "datasets.published",
    `openSynapse: "${root}" differs from the published data set: ${differences.join(" ")} Complete the files, or set strict to false.`,
  );
}
