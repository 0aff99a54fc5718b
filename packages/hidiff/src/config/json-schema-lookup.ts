import type { JsonSchema } from "./json-schema.ts";

export type Path = readonly (string | number)[];

/**
 * The parts of a JSON Schema that describe what is at `path`: of a union all choices, except that where choices are told
 * apart by a constant field, such as `step` or `name`, it is the one that `value` names.
 */
export function schemasAt(schema: JsonSchema, value: unknown, path: Path): JsonSchema[] {
  let nodes = choices(schema, value);
  let current = value;
  for (const key of path) {
    current = fieldOf(current, key);
    nodes = nodes.flatMap((node) => childrenOf(node, key)).flatMap((node) => choices(node, current));
  }
  // What says nothing, such as that a name may have any options, is left out where something else says more.
  const telling = nodes.filter(({ type, enum: names, const: only }) => (type ?? names ?? only) !== undefined);
  return telling.length > 0 ? telling : nodes;
}

/** The value at `path`, or undefined where there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(fieldOf, value);
}

/** Every path of named fields to a field of that name: where a misplaced field may belong. */
export function placesOf(schema: JsonSchema, name: string, above: readonly string[] = []): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, node]) => [
    ...(key === name ? [[...above, key]] : []),
    ...[node, ...(node.anyOf ?? [])].flatMap((choice) => placesOf(choice, name, [...above, key])),
  ]);
}

function fieldOf(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined;
}

function childrenOf(node: JsonSchema, key: string | number): JsonSchema[] {
  const { properties, items, additionalProperties } = node;
  const own = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
  const item = Array.isArray(items) ? items[Number(key)] : items;
  // `true` stands for anything, as the name has in the options of a data set.
  const found = own ?? item ?? additionalProperties;
  return typeof found === "object" ? [found] : [];
}

function choices(node: JsonSchema, value: unknown): JsonSchema[] {
  const { anyOf, oneOf, allOf = [] } = node;
  const options = anyOf ?? oneOf;
  const isObject = typeof value === "object" && value !== null;
  const own = options === undefined ? [node] : options.filter((option) => !isObject || holds(option, value)).flatMap((option) => choices(option, value));
  const conditional = allOf.flatMap((part) => (part.if !== undefined && part.then !== undefined && holds(part.if, value) ? choices(part.then, value) : []));
  return [...own, ...conditional];
}

/** Whether an object's constant fields are as a schema has them. */
function holds({ properties = {}, required = [] }: JsonSchema, value: unknown): boolean {
  return Object.entries(properties).every(([key, { const: constant }]) => {
    const field = fieldOf(value, key);
    return constant === undefined || field === constant || (field === undefined && !required.includes(key));
  });
}
