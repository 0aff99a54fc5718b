import { HidiffError } from "@hidiff/core-tensor";
import type { WeightsFile } from "@hidiff/core-tensor/files";
import { describeNames } from "./describe-names.ts";

/**
 * What stands before a network's names in a file: nothing, or the keys that lead to it (`state_dict.`), and what wrappers put
 * before names (`module.`).
 *
 * @param anchor a name that every checkpoint of the network has
 * @param given a prefix that must be among those that are found
 * @throws HidiffError `weights.names` if the anchor is nowhere, `weights.prefix` if it is in several places, or not at the given one
 */
export function findPrefix(file: WeightsFile, anchor: string, kind: string, given?: string): string {
  const names = [...file.entries.keys()];
  if (given !== undefined && names.includes(given + anchor)) return given;
  const found = names.filter((name) => name === anchor || name.endsWith(`.${anchor}`)).map((name) => name.slice(0, name.length - anchor.length));
  if (found.length === 1 && given === undefined) return found[0]!;
  if (found.length === 0) {
    const some = names.length === 0 ? "it has no arrays at all" : `it has ${describeNames(names)}`;
    throw new HidiffError("weights.names", `${file.name} is no checkpoint of ${kind}: expected an array ${anchor}, but ${some}.`);
  }
  const places = found.slice(0, 10).map((prefix) => `"${prefix}"`).join(", ") + (found.length > 10 ? ", …" : "");
  if (given !== undefined) throw new HidiffError("weights.prefix", `${file.name} has no ${kind} under the prefix "${given}", but under ${places}.`);
  throw new HidiffError(
    "weights.prefix",
    `${file.name} holds ${found.length} networks like ${kind}: say which by the prefix of its names, one of ${places}.`,
  );
}
