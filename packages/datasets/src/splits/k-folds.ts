import { HidiffError } from "@hidiff/core-tensor/errors";
import { Generator } from "@hidiff/core-tensor/random";
import { inOrder } from "./fractions.ts";
import { groupIds, type IdGroup } from "./group-ids.ts";

export interface FoldOptions {
  /** How many parts, at least 2. */
  readonly folds: number;
  /** Which part is held out, from 0. */
  readonly fold: number;
  readonly seed: number | string;
  /** The patient or sequence of an id: a group is never divided. */
  readonly groups?: ReadonlyMap<string, string>;
}

export interface Fold {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/**
 * One fold of a k-fold cross-validation: over all folds, every id is held out once. Sizes of the parts differ by no more
 * than the largest group, so by one id where there are no groups. Both lists keep the ids' order.
 *
 * @throws `datasets.option` for numbers out of range, or fewer groups than folds
 */
export function kFolds(ids: readonly string[], options: FoldOptions): Fold {
  const { folds, fold } = options;
  const groups = groupIds(ids, options.groups);
  if (!Number.isInteger(folds) || folds < 2 || folds > groups.length) {
    throw new HidiffError(
      "datasets.option",
      `kFolds: folds must be an integer from 2 to the ${groups.length} groups of the ${ids.length} ids, got ${folds}.`,
    );
  }
  if (!Number.isInteger(fold) || fold < 0 || fold >= folds) {
    throw new HidiffError("datasets.option", `kFolds: fold must be an integer from 0 to ${folds - 1}, got ${fold}.`);
  }
  const order = new Generator(options.seed).permutation(groups.length);
  // Large groups first, each into the part that holds the fewest ids: sort is stable, so equal ones stay in random order.
  const shuffled = Array.from(order, (index) => groups[index]!).sort((a, b) => b.ids.length - a.ids.length);
  const parts = Array.from({ length: folds }, () => ({ size: 0, groups: [] as IdGroup[] }));
  for (const group of shuffled) {
    const part = parts.reduce((least, other) => (other.size < least.size ? other : least));
    part.size += group.ids.length;
    part.groups.push(group);
  }
  const heldOut = inOrder(ids, parts[fold]!.groups);
  const held = new Set(heldOut);
  return { train: ids.filter((id) => !held.has(id)), heldOut };
}
