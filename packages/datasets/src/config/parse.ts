import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import type { z } from "zod";
import { knownKeys } from "./schema-keys.ts";

/**
 * Checks `value` against a schema and fills in the defaults.
 *
 * @param what how errors call the value
 * @throws HidiffError `config.invalid` that names every wrong field, what it should be and, for unknown names, a likely one
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describe(issue, { schema, value, path: [] }));
  throw new HidiffError("config.invalid", `${what} is not valid: ${problems.join("; ")}`);
}

type Issue = z.core.$ZodIssue;

interface Place {
  readonly schema: z.ZodType;
  readonly value: unknown;
  /** Where the paths of the issue begin. */
  readonly path: readonly PropertyKey[];
}

/** Each of an issue's problems, with the field that it is about; for a union one text, with what every choice expects. */
function describe(issue: Issue, place: Place): string[] {
  const path = [...place.path, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(place.schema, place.value, path);
    return issue.keys.map((key) => `${[...path, key].join(".")} is not an option.${didYouMean(key, known)}`);
  }
  const field = path.length === 0 ? "the whole" : path.join(".");
  const found = valueAt(place.value, path);
  if (issue.code === "invalid_value") return [`${field}: ${notOneOf(found, issue.values)}`];
  if (issue.code === "invalid_union") {
    if (issue.errors.length === 0 && "options" in issue && issue.options !== undefined) return [`${field}: ${notOneOf(found, issue.options)}`];
    const choices = likelyChoices(issue.errors, found).map((errors) => errors.flatMap((error) => describe(error, { ...place, path })));
    return [[...new Set(choices.map((choice) => choice.join(" and ")))].join(" or ")];
  }
  return [`${field}: ${issue.message}`];
}

function notOneOf(found: unknown, allowed: readonly unknown[]): string {
  const names = allowed.map(String);
  const wanted = names.length === 1 ? `"${names[0]}"` : `one of ${names.join(", ")}`;
  return found === undefined ? `missing; it must be ${wanted}.` : `"${String(found)}" is not ${wanted}.${didYouMean(String(found), names)}`;
}

/** Of a union's choices, those that an object or a list can have been meant for. */
function likelyChoices(choices: readonly (readonly Issue[])[], found: unknown): readonly (readonly Issue[])[] {
  if (typeof found !== "object" || found === null) return choices;
  const likely = choices.filter((errors) => !errors.some(({ code, path }) => path.length === 0 && (code === "invalid_type" || code === "invalid_value")));
  return likely.length === 0 ? choices : likely;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((current, key) => (current as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}
