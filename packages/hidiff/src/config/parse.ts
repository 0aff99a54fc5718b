import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import type { z } from "zod";

/**
 * Checks `value` against a schema and fills in the defaults.
 *
 * @param what how errors call the value
 * @throws HidiffError `config.invalid` that names every wrong field, what it should be and, for unknown names, a likely one
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const path = issue.path.join(".");
    if (issue.code === "invalid_value") {
      const allowed = issue.values.map(String);
      const found = String(valueAt(value, issue.path));
      return `${path}: "${found}" is not one of ${allowed.join(", ")}.${didYouMean(found, allowed)}`;
    }
    if (issue.code !== "unrecognized_keys") return `${path === "" ? "the whole" : path}: ${issue.message}`;
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => `${path === "" ? "" : `${path}.`}${key} is not an option.${didYouMean(key, known)}`).join("; ");
  });
  throw new HidiffError("config.invalid", `${what} is not valid: ${problems.join("; ")}`);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((current, key) => (current as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

/** The keys of the object schema at `path`, looked up through wrappers such as defaults. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current = unwrap(schema);
  for (const key of path) current = unwrap(current?.shape?.[String(key)]);
  return Object.keys(current?.shape ?? {});
}

interface SchemaNode {
  readonly shape?: Record<string, unknown>;
  readonly def?: { readonly innerType?: unknown };
}

function unwrap(schema: unknown): SchemaNode | undefined {
  let current = schema as SchemaNode | undefined;
  while (current?.shape === undefined && current?.def?.innerType !== undefined) current = current.def.innerType as SchemaNode;
  return current;
}
