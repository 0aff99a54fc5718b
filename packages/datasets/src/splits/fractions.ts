import { HidiffError } from "@hidiff/core-tensor/errors";
import { Generator } from "@hidiff/core-tensor/random";
import type { SplitName } from "../types.ts";
import { groupIds, type IdGroup } from "./group-ids.ts";

export interface FractionOptions {
  /** Shares of the ids, in [0, 1]; what they leave is for training. A share above 0 gets at least one group. */
  readonly fractions: { readonly validation: number; readonly test: number };
  readonly seed: number | string;
  /** The patient or sequence of an id: a group is never divided. An id without one stands for itself. */
  readonly groups?: ReadonlyMap<string, string>;
}

/**
 * Divides ids at random, groups kept whole. Without groups the counts are the shares, rounded; with groups, as near to
 * that as the sizes of whole groups allow. The same ids, groups and seed give the same splits; each keeps the ids' order.
 *
 * @throws `datasets.option` for shares out of range, or fewer groups than splits to fill
 */
export function splitByFraction(ids: readonly string[], options: FractionOptions): Record<SplitName, readonly string[]> {
  const { validation, test } = options.fractions;
  const training = 1 - validation - test;
  if (!(validation >= 0) || !(test >= 0) || !(training >= -1e-9)) {
    throw new HidiffError(
      "datasets.option",
      `splitByFraction: the fractions of validation and test must be at least 0 and no more than 1 together, got ${validation} and ${test}.`,
    );
  }
  if (ids.length === 0) return { train: [], validation: [], test: [] };
  const groups = groupIds(ids, options.groups);
  const wanted = [validation, test, training].filter((share) => share > 1e-9).length;
  if (groups.length < wanted) {
    throw new HidiffError(
      "datasets.option",
      `splitByFraction: ${ids.length} ids in ${groups.length} groups cannot fill ${wanted} splits; a group is never divided. ` +
        `Set a fraction to 0, or give more cases.`,
    );
  }
  const order = new Generator(options.seed).permutation(groups.length);
  let rest = Array.from(order, (index) => groups[index]!);
  const splits: Record<SplitName, readonly string[]> = { train: [], validation: [], test: [] };
  for (const [name, share, after] of [["test", test, [validation, training]], ["validation", validation, [training]]] as const) {
    if (share <= 1e-9) continue;
    const keep = after.filter((other) => other > 1e-9).length;
    const chosen = keep === 0 ? new Set(rest) : chooseGroups(rest, Math.round(share * ids.length), keep);
    splits[name] = inOrder(ids, chosen);
    rest = rest.filter((group) => !chosen.has(group));
  }
  splits.train = inOrder(ids, new Set(rest));
  return splits;
}

/** Groups whose sizes add up to `target` as nearly as possible: at least one, with at least `keep` of them left over. */
function chooseGroups(groups: readonly IdGroup[], target: number, keep: number): Set<IdGroup> {
  const chosen = nearestSum(groups, target);
  return groups.length - chosen.size >= keep ? chosen : nearestSum(groups.slice(0, groups.length - keep), target);
}

/**
 * The sums of sizes that can be reached are listed group by group (the subset-sum table), with the group that reached each
 * of them first; so the earlier groups are preferred, which makes the choice as random as their order.
 */
function nearestSum(candidates: readonly IdGroup[], target: number): Set<IdGroup> {
  const largest = candidates.reduce((size, group) => Math.max(size, group.ids.length), 1);
  const limit = Math.max(target, 1) + largest;
  const reachedBy = new Int32Array(limit + 1).fill(-1);
  const reached = (sum: number): boolean => sum === 0 || reachedBy[sum]! >= 0;
  for (const [index, { ids }] of candidates.entries()) {
    for (let sum = limit; sum >= ids.length; sum--) {
      if (!reached(sum) && reached(sum - ids.length)) reachedBy[sum] = index;
    }
    if (target > 0 && reached(target)) break;
  }
  let best = 0;
  for (let sum = 1; sum <= limit; sum++) {
    if (reached(sum) && (best === 0 || Math.abs(sum - target) < Math.abs(best - target))) best = sum;
  }
  const chosen = new Set<IdGroup>();
  for (let sum = best; sum > 0; ) {
    const group = candidates[reachedBy[sum]!]!;
    chosen.add(group);
    sum -= group.ids.length;
  }
  return chosen;
}

/** The ids of some groups in the order of `ids`. */
export function inOrder(ids: readonly string[], groups: Iterable<IdGroup>): string[] {
  const members = new Set<string>();
  for (const group of groups) for (const id of group.ids) members.add(id);
  return ids.filter((id) => members.has(id));
}
