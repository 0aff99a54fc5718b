import { HidiffError } from "../errors.ts";

/**
 * The input or output that is meant: the one of that name, or the only one.
 *
 * @param what "input" or "output"
 * @throws HidiffError `tfjs.names`
 */
export function chooseName(names: readonly string[], wanted: string | undefined, what: string, model: string): string {
  const list = names.map((name) => `"${name}"`).join(", ");
  if (wanted !== undefined && !names.includes(wanted)) {
    throw new HidiffError("tfjs.names", `${model} has no ${what} "${wanted}"; it has ${list}.`);
  }
  if (wanted === undefined && names.length !== 1) {
    throw new HidiffError("tfjs.names", `${model} has ${names.length} ${what}s: ${list}; name the one that is meant by the option ${what}.`);
  }
  return wanted ?? names[0]!;
}
