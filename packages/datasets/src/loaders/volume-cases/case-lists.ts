import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { readListFile } from "../../files/list-file.ts";
import { checkDisjoint } from "../../splits/check.ts";
import type { SplitName } from "../../types.ts";
import type { CaseLists } from "./options.ts";

/**
 * The splits that list files tell.
 *
 * @param known the ids of the cases that there are
 * @throws `datasets.list` for an id that is no case, naming the list; `datasets.overlap` for an id in two lists
 */
export async function splitsFromLists(
  operation: string,
  lists: CaseLists,
  known: readonly string[],
): Promise<Record<SplitName, readonly string[]>> {
  const cases = new Set(known);
  const read = async (path: string): Promise<string[]> => {
    const ids = await readListFile(path);
    for (const id of ids) {
      if (cases.has(id)) continue;
      throw new HidiffError(
        "datasets.list",
        `${operation}: the list "${path}" names "${id}", but there is no such case.${didYouMean(id, known)} ` +
          `Ids look like "${known[0]}"; take the line out of the list or restore the case's files.`,
      );
    }
    return ids;
  };
  const train = await read(lists.train);
  const validation = lists.validation === undefined ? [] : await read(lists.validation);
  const test = await read(lists.test);
  checkDisjoint(operation, {
    [`train: ${lists.train}`]: train,
    [`validation: ${lists.validation ?? ""}`]: validation,
    [`test: ${lists.test}`]: test,
  });
  return { train, validation, test };
}

/** The splits without the cases that are not in `found`. */
export function keepFound(
  splits: Readonly<Record<SplitName, readonly string[]>>,
  found: ReadonlyMap<string, unknown>,
): Record<SplitName, readonly string[]> {
  const keep = (ids: readonly string[]): readonly string[] => ids.filter((id) => found.has(id));
  return { train: keep(splits.train), validation: keep(splits.validation), test: keep(splits.test) };
}
