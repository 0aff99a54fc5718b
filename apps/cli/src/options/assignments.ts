import { parse as parseYaml } from "yaml";
import { usageError } from "../errors.ts";

/** One `--set` option: a dotted path and what is put there. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: unknown;
}

/**
 * Reads `key.sub=value`. The value is read as YAML, so numbers, booleans, lists and texts need no quotes.
 *
 * @throws HidiffError `usage.option`
 */
export function parseAssignment(text: string): Assignment {
  const equals = text.indexOf("=");
  const path = text.slice(0, Math.max(equals, 0)).trim().split(".");
  if (path.some((key) => key === "")) {
    throw usageError(`--set takes key=value, such as training.batchSize=4; got "${text}".`);
  }
  try {
    return { path, value: parseYaml(text.slice(equals + 1)) as unknown };
  } catch {
    throw usageError(`--set ${path.join(".")}: "${text.slice(equals + 1)}" cannot be read as a value; put texts with special characters in quotes.`);
  }
}

/**
 * A copy of `value` with the assignments made, in order.
 *
 * @throws HidiffError `usage.option` where a path leads through something that has no fields
 */
export function assign(value: unknown, assignments: readonly Assignment[]): unknown {
  return assignments.reduce((current, { path, value: assigned }) => put(current, path, assigned, path), value);
}

function put(current: unknown, [key, ...rest]: readonly string[], value: unknown, whole: readonly string[]): unknown {
  if (key === undefined) return value;
  const fields = current ?? {};
  if (typeof fields !== "object" || Array.isArray(fields)) {
    const place = whole.slice(0, whole.length - rest.length - 1).join(".");
    throw usageError(`--set ${whole.join(".")}: ${place} is ${JSON.stringify(current)}, which has no fields.`);
  }
  const inner = Object.hasOwn(fields, key) ? (fields as Record<string, unknown>)[key] : undefined;
  return { ...fields, [key]: put(inner, rest, value, whole) };
}
