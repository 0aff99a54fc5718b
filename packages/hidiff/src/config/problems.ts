import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import type { z } from "zod";
import { describeExpected, describeFound, hintFor } from "./expected.ts";
import { configurationJsonSchema, type JsonSchema } from "./json-schema.ts";
import { type Path, placesOf, schemasAt, valueAt } from "./json-schema-lookup.ts";
import { type Configuration, configurationSchema } from "./schema.ts";

/** Something that is wrong with a configuration. */
export interface ConfigurationProblem {
  /** The field, such as ["training", "batchSize"]; empty for the whole. */
  readonly path: Path;
  /** A sentence that names the field, what it must be, what it is, and what to do. */
  readonly message: string;
}

/** Everything that is wrong with a value as a configuration, as far as no files need to be looked at. */
export function configurationProblems(value: unknown): ConfigurationProblem[] {
  const result = configurationSchema.safeParse(value);
  if (result.success) return [];
  const schema = configurationJsonSchema();
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, { schema, value, above: [] }));
  return problems.filter(({ message }, index) => problems.findIndex((other) => other.message === message) === index);
}

/**
 * Checks a configuration and fills in the defaults.
 *
 * @param what how errors call it
 * @throws HidiffError `config.invalid` with a line for every {@link ConfigurationProblem}
 */
export function parseConfiguration(value: unknown, what: string): Configuration {
  const problems = configurationProblems(value);
  if (problems.length === 0) return configurationSchema.parse(value);
  throw new HidiffError("config.invalid", [`${what} is not valid:`, ...problems.map(({ message }) => `  ${message}`)].join("\n"));
}

/** A path as people write it: `preprocessing[0].step`. */
export function formatPath(path: Path): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");
}

type Issue = z.core.$ZodIssue;

interface Context {
  readonly schema: JsonSchema;
  readonly value: unknown;
  /** Where the paths of the issue begin. */
  readonly above: Path;
}

function describeIssue(issue: Issue, context: Context): ConfigurationProblem[] {
  const path = [...context.above, ...(issue.path as Path)];
  const found = valueAt(context.value, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(context, path, key) }));
    case "custom":
      return [{ path, message: mentions(issue.message, path) ? `${issue.message}.` : `${formatPath(path)}: ${issue.message}.` }];
    case "invalid_union": {
      // A union that is told apart by a field: zod has looked at that field alone.
      if (issue.errors.length === 0 && "options" in issue && issue.options !== undefined) return [{ path, message: wrongValue(path, found, [{ enum: [...issue.options] }]) }];
      const [only, ...others] = meantChoices(issue.errors, found);
      if (only !== undefined && others.length === 0) return only.flatMap((inner) => describeIssue(inner, { ...context, above: path }));
      break;
    }
    default:
  }
  return [{ path, message: wrongValue(path, found, schemasAt(context.schema, context.value, path)) }];
}

/** Whether a message begins with the field it is about, or with one above it. */
function mentions(message: string, path: Path): boolean {
  return path.length > 0 && message.startsWith(formatPath(path.slice(0, 1)));
}

function unknownKey({ schema, value }: Context, path: Path, key: string): string {
  const known = [...new Set(schemasAt(schema, value, path).flatMap(({ properties = {} }) => Object.keys(properties)))].filter((name) => name !== "$schema");
  const said = `${formatPath([...path, key])} is not an option.`;
  const meant = didYouMean(key, known);
  if (meant !== "") return said + meant;
  const places = placesOf(schema, key).map((place) => place.join("."));
  if (places.length > 0) return `${said} There is ${places.slice(0, 3).join(" and ")}.`;
  return known.length === 0 ? said : `${said} ${path.length === 0 ? "The options are" : `${formatPath(path)} takes`}: ${known.join(", ")}.`;
}

function wrongValue(path: Path, found: unknown, schemas: readonly JsonSchema[]): string {
  const field = path.length === 0 ? "A configuration" : formatPath(path);
  const expected = describeExpected(schemas);
  if (found === undefined) return `${field} is missing: it must be ${expected}.`;
  const names = schemas.flatMap(({ enum: allowed, const: only }) => [...(allowed ?? []), ...(only === undefined ? [] : [only])]).map(String);
  const suggestion = typeof found === "string" ? didYouMean(found, names) : "";
  return `${field} must be ${expected}, but is ${describeFound(found)}.${suggestion || hintFor(found, schemas)}`;
}

/** Of a union's choices, those that an object or a list can have been meant for; none for plain values. */
function meantChoices(choices: readonly (readonly Issue[])[], found: unknown): readonly (readonly Issue[])[] {
  if (typeof found !== "object" || found === null) return [];
  return choices.filter((issues) => !issues.some(({ code, path }) => path.length === 0 && (code === "invalid_type" || code === "invalid_value")));
}
