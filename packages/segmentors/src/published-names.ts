import { HidiffError } from "@hidiff/core-tensor";

/** Names of layers by ours, such as `{ norm1: "gn1" }`. */
type PartNames = Readonly<Record<string, string>>;

/** How state names begin, what a published network calls that by the numbers in it, and names of the parts that follow. */
export type PublishedPrefix = readonly [pattern: RegExp, published: (...numbers: number[]) => string, parts?: PartNames];

interface PublishedNaming {
  /** How errors call the network, such as "a U-Net". */
  readonly network: string;
  /** The first that fits counts. */
  readonly prefixes: readonly PublishedPrefix[];
  /** Names of parts after any prefix. Others keep their names. */
  readonly parts?: PartNames;
}

/** As PyTorch's batch normalization calls them. */
const statistics: PartNames = { runningMean: "running_mean", runningVariance: "running_var" };

/**
 * The published name of one of our state names.
 *
 * @throws HidiffError `segmentor.state` for a name that no prefix fits
 */
export function publishedName(name: string, { network, prefixes, parts = {} }: PublishedNaming): string {
  for (const [pattern, published, own = {}] of prefixes) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const rest = name.slice(match[0].length).split(".");
    return published(...match.slice(1).map(Number)) + rest.map((part) => own[part] ?? parts[part] ?? statistics[part] ?? part).join(".");
  }
  throw new HidiffError("segmentor.state", `Published names: "${name}" is not a state name of ${network}; pass one from its stateDict().`);
}
