import type { JsonSchema } from "./json-schema.ts";

/** How many fields of an object are named. */
const mostFields = 6;

/** What a field must be, for errors: "a whole number of 1 or more", "one of a, b". */
export function describeExpected(schemas: readonly JsonSchema[]): string {
  const kinds = kindsOf(schemas);
  return kinds === undefined ? [...new Set(schemas.map(describeOne))].join(" or ") || "another value" : `fields with values, of which "${kinds.field}" is one of ${kinds.names.join(", ")}`;
}

/** The field by which several kinds of objects are told apart, and what it can be. */
function kindsOf(schemas: readonly JsonSchema[]): { field: string; names: readonly string[] } | undefined {
  const [field] = Object.entries(schemas[0]?.properties ?? {}).find(([, { const: name }]) => name !== undefined) ?? [];
  const names = schemas.map(({ properties = {} }) => properties[field ?? ""]?.const);
  return field === undefined || names.length < 2 || names.includes(undefined) ? undefined : { field, names: names.map(String) };
}

function describeOne(schema: JsonSchema): string {
  const { type, enum: names } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (names !== undefined) return names.length === 1 ? String(names[0]) : `one of ${names.join(", ")}`;
  switch (type) {
    case "integer":
      return describeNumber("a whole number", schema);
    case "number":
      return describeNumber("a number", schema);
    case "boolean":
      return "true or false";
    case "string":
      return "a text";
    case "null":
      return "null";
    case "array":
      return describeList(schema);
    case "object": {
      const fields = Object.keys(schema.properties ?? {}).filter((name) => name !== "$schema");
      const isAll = fields.length <= mostFields && typeof schema.additionalProperties !== "object";
      return fields.length === 0 ? "fields with values" : `fields with values (${fields.slice(0, mostFields).join(", ")}${isAll ? "" : ", …"})`;
    }
    default:
      return "any value";
  }
}

function describeNumber(noun: string, { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }: JsonSchema): string {
  const from = minimum ?? exclusiveMinimum;
  const to = maximum ?? exclusiveMaximum;
  const multiple = multipleOf === undefined ? "" : `, a multiple of ${multipleOf}`;
  // A multiple of 32 above 0 is one of 32 or more.
  if (multipleOf !== undefined && exclusiveMinimum === 0 && to === undefined) return `${noun} of ${multipleOf} or more${multiple}`;
  if (from !== undefined && to !== undefined) return `${noun} from ${from} to ${exclusiveMaximum === undefined ? to : `below ${to}`}${multiple}`;
  if (exclusiveMinimum !== undefined) return exclusiveMinimum === 0 && noun === "a whole number" ? `${noun} of 1 or more${multiple}` : `${noun} above ${exclusiveMinimum}${multiple}`;
  if (minimum !== undefined) return `${noun} of ${minimum} or more${multiple}`;
  if (to !== undefined) return `${noun} of ${to} or less${multiple}`;
  return noun + multiple;
}

function describeList({ items, minItems, maxItems }: JsonSchema): string {
  if (Array.isArray(items)) return `a list of ${items.length}: [${items.map((item) => describeOne(item)).join(", ")}]`;
  const what = items?.type === "object" || items === undefined || items.anyOf !== undefined || items.oneOf !== undefined ? "" : `, each ${describeOne(items)}`;
  if (minItems !== undefined && minItems === maxItems) return `a list of ${minItems}${what}`;
  return minItems === undefined ? `a list${what}` : `a list of ${minItems} or more${what}`;
}

/** What a field is, for errors. */
export function describeFound(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `the list ${shorten(JSON.stringify(value))}`;
  if (typeof value === "object") {
    const fields = Object.keys(value);
    return fields.length === 0 ? "{}" : `fields with values (${shorten(fields.join(", "))})`;
  }
  return typeof value === "string" ? `the text "${shorten(value)}"` : String(value);
}

/** What to write instead, where what came shows what was meant; else an empty text. */
export function hintFor(value: unknown, schemas: readonly JsonSchema[]): string {
  const takes = (type: string): boolean => schemas.some((schema) => schema.type === type || (type === "number" && schema.type === "integer"));
  if (typeof value === "string" && takes("number")) {
    const number = Number(value.trim().replaceAll("_", "").replace(/^(\d{1,3}),(\d{3})$/, "$1$2").replace(",", "."));
    if (value.trim() !== "" && Number.isFinite(number)) return String(number) === value ? ` Write it without quotes: ${number}.` : ` Write it as ${number}.`;
  }
  if (typeof value === "string" && takes("boolean")) {
    if (/^(yes|on|y|true)$/i.test(value)) return " Write true.";
    if (/^(no|off|n|false)$/i.test(value)) return " Write false.";
  }
  if (typeof value === "number" && takes("number")) {
    const { multipleOf, minimum = 1 } = schemas.find(({ multipleOf: factor }) => factor !== undefined) ?? {};
    if (multipleOf !== undefined && value > 0) {
      const near = [Math.floor(value / multipleOf), Math.ceil(value / multipleOf)].map((factor) => factor * multipleOf).filter((number) => number >= minimum);
      return ` Near it: ${near.join(" and ")}.`;
    }
  }
  const named = kindsOf(schemas)?.field ?? (schemas.some(({ properties = {} }) => "name" in properties) ? "name" : undefined);
  if (typeof value === "string" && named !== undefined) return ` Write { ${named}: ${value} }.`;
  if (Array.isArray(value) && takes("object")) return ' Write "field: value" lines, without the dashes of a list.';
  return "";
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
