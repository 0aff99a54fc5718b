import { HidiffError } from "@hidiff/core-tensor";
import type { WeightsFile } from "@hidiff/core-tensor/files";

/**
 * What stands before a network's names in a file: nothing, or the keys that lead to it (`state_dict.`), and what wrappers put
 * before names (`module.`).
 *
 * @param anchor a name that every checkpoint of the network has
 * @throws HidiffError `weights.names` if it is nowhere, `weights.prefix` if it is in several places
 */
export function findPrefix(file: WeightsFile, anchor: string, kind: string): string {
  const names = [...file.entries.keys()];
  const found = names.filter((name) => name === anchor || name.endsWith(`.${anchor}`)).map((name) => name.slice(0, name.length - anchor.length));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    const some = names.length === 0 ? "it has no arrays at all" : `it has ${names.length} arrays, such as ${names.slice(0, 3).join(", ")}`;
    throw new HidiffError("weights.names", `${file.name} is no checkpoint of ${kind}: expected an array ${anchor}, but ${some}.`);
  }
  throw new HidiffError(
    "weights.prefix",
    `${file.name} holds ${found.length} networks like ${kind}: say which by the prefix of its names, one of ${found.map((prefix) => `"${prefix}"`).join(", ")}.`,
  );
}
