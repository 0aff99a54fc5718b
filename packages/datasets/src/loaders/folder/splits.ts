import { HidiffError } from "@hidiff/core-tensor/errors";
import { resolveInside } from "../../files/inside.ts";
import { readListFile } from "../../files/list-file.ts";
import { checkDisjoint, checkGroups, firstFew, unlistedNote } from "../../splits/check.ts";
import { splitByFraction } from "../../splits/fractions.ts";
import { groupIds } from "../../splits/group-ids.ts";
import { kFolds } from "../../splits/k-folds.ts";
import type { SplitName } from "../../types.ts";
import { type FolderCase, stem } from "./cases.ts";
import type { FolderDescription, FolderSplit } from "./description.ts";

type Splits = Record<SplitName, readonly string[]>;

/** The patient or sequence of each case: as a table tells, else by the expression of `groupBy`. Undefined without either. */
export function groupsOf(cases: readonly FolderCase[], { groupBy }: FolderDescription): Map<string, string> | undefined {
  const groups = new Map(cases.flatMap(({ id, group }) => (group === undefined ? [] : [[id, group] as const])));
  if (groupBy === undefined) return groups.size === 0 ? undefined : groups;
  let expression: RegExp;
  try {
    expression = new RegExp(groupBy, "u");
  } catch (error) {
    throw new HidiffError("datasets.description", `openFolderDataset: groupBy "${groupBy}" is no regular expression: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  const without: string[] = [];
  for (const { id, group } of cases) {
    if (group !== undefined) continue;
    const found = expression.exec(id)?.[1];
    if (found === undefined || found === "") without.push(id);
    else groups.set(id, found);
  }
  if (without.length === 0) return groups;
  throw new HidiffError(
    "datasets.description",
    `openFolderDataset: groupBy "${groupBy}" finds no group in ${without.length} of ${cases.length} ids (${firstFew(without)}). ` +
      `It must match every id and have one capture group, such as "^(patient\\d+)_".`,
  );
}

/**
 * The splits of a folder's cases: as `split` describes, else by the column of a table, else 80/10/10 at random with seed 0,
 * groups kept whole. With fewer than three groups and nothing else said, all cases are for training.
 *
 * @throws `datasets.description` for contradictory fields, `datasets.option`, `datasets.overlap` for lists that share ids,
 * `datasets.leak` for lists that divide a group
 */
export async function splitCases(
  root: string,
  cases: readonly FolderCase[],
  description: FolderDescription,
  groups: ReadonlyMap<string, string> | undefined,
  onNote: (note: string) => void,
): Promise<Splits> {
  const ids = cases.map(({ id }) => id);
  const { split } = description;
  const known = groups === undefined ? {} : { groups };
  if (split === undefined) {
    if (cases.some((entry) => entry.split !== undefined)) return checked(splitsOfColumn(cases), groups);
    if (groupIds(ids, groups).length < 3) return { train: ids, validation: [], test: [] };
    return splitByFraction(ids, { fractions: { validation: 0.1, test: 0.1 }, seed: 0, ...known });
  }
  const seed = split.seed ?? 0;
  if (split.folds !== undefined) {
    if (split.fold === undefined || split.train !== undefined || split.test !== undefined || typeof split.validation === "string") {
      throw confused(split);
    }
    const { train, heldOut } = kFolds(ids, { folds: split.folds, fold: split.fold, seed, ...known });
    return { ...splitByFraction(train, { fractions: { validation: split.validation ?? 0, test: 0 }, seed, ...known }), test: heldOut };
  }
  if (split.fold !== undefined) throw confused(split);
  if ([split.train, split.validation, split.test].some((entry) => typeof entry === "string")) {
    if (typeof split.validation === "number" || typeof split.test === "number" || split.seed !== undefined) throw confused(split);
    return checked(await splitsOfLists(root, ids, { ...description, split }, onNote), groups);
  }
  const { validation = 0, test = 0 } = split as { validation?: number; test?: number };
  return splitByFraction(ids, { fractions: { validation, test }, seed, ...known });
}

function checked(splits: Splits, groups: ReadonlyMap<string, string> | undefined): Splits {
  if (groups !== undefined) checkGroups("openFolderDataset", splits, groups);
  return splits;
}

function confused(split: FolderSplit): HidiffError {
  return new HidiffError(
    "datasets.description",
    `openFolderDataset: split ${JSON.stringify(split)} mixes its forms. Give lists ({ train: train.txt, validation: val.txt, test: test.txt }), ` +
      `or shares ({ validation: 0.1, test: 0.1, seed: 1 }), or a fold ({ folds: 5, fold: 0, seed: 1 }, with a share for validation if wanted).`,
  );
}

const splitNames: Readonly<Record<string, SplitName>> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  test: "test",
  testing: "test",
};

function splitsOfColumn(cases: readonly FolderCase[]): Splits {
  const splits: Record<SplitName, string[]> = { train: [], validation: [], test: [] };
  for (const { id, split } of cases) {
    const name = splitNames[(split ?? "").toLowerCase()];
    if (name === undefined) {
      throw new HidiffError(
        "datasets.description",
        `openFolderDataset: the split of "${id}" is ${split === undefined ? "not given" : `"${split}"`}; expected train, validation or test for every case.`,
      );
    }
    splits[name].push(id);
  }
  return splits;
}

/** Lists name ids or files. Cases in no list are for training where that has no list, else left out with a note. */
async function splitsOfLists(
  root: string,
  ids: readonly string[],
  { split, unmatched }: FolderDescription & { readonly split: FolderSplit },
  onNote: (note: string) => void,
): Promise<Splits> {
  const known = new Set(ids);
  const lists: Partial<Record<SplitName, readonly string[]>> = {};
  const bySource: (readonly [string, readonly string[]])[] = [];
  for (const name of ["train", "validation", "test"] as const) {
    const file = split[name];
    if (typeof file !== "string") continue;
    const listed = (await readListFile(resolveInside(root, file))).map((line) => line.normalize("NFC")).map((line) => (known.has(line) ? line : stem(line)));
    const unknown = listed.filter((id) => !known.has(id));
    if (unknown.length > 0 && unmatched === "skip") {
      onNote(`Left out: ${unknown.length} of the ${listed.length} lines of "${file}" name no case (${firstFew(unknown)}).`);
    } else if (unknown.length > 0) {
      throw new HidiffError(
        "datasets.option",
        `openFolderDataset: ${unknown.length} of the ${listed.length} lines of "${file}" name no case of "${root}" (${firstFew(unknown)}); ` +
          `ids look like "${ids[0]}". Correct the list, or restore the files; or set "unmatched" to "skip" to leave these out.`,
      );
    }
    bySource.push([file, listed]);
    lists[name] = listed.filter((id) => known.has(id));
  }
  checkDisjoint("openFolderDataset", bySource);
  const listed = new Set(Object.values(lists).flat());
  const splits = { train: lists.train ?? ids.filter((id) => !listed.has(id)), validation: lists.validation ?? [], test: lists.test ?? [] };
  unlistedNote(ids, splits).forEach(onNote);
  return splits;
}
