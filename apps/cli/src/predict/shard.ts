import { InvalidArgumentError } from "commander";

/** One of several equal parts of a job, as the tasks of a job array do them. */
export interface Shard {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/** Reads "i/n" from the command line. */
export function parseShard(text: string): Shard {
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new InvalidArgumentError("It must be i/n, the part i of n, such as 1/4 to 4/4.");
  }
  return { index, count };
}

/** The cases of a part: every n-th in the order of their names, whatever order they were given in. */
export function casesOfShard<T extends { readonly name: string }>(cases: readonly T[], shard: Shard | undefined): readonly T[] {
  if (shard === undefined) return cases;
  const sorted = cases.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return sorted.filter((_, position) => position % shard.count === shard.index - 1);
}

/** The name of a file that each part writes: "manifest-1-of-4.json". */
export function shardFile(name: string, shard: Shard | undefined): string {
  return shard === undefined ? name : name.replace(/(?=\.\w+$)/, `-${shard.index}-of-${shard.count}`);
}
