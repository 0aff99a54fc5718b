import type { JsonSchema } from "hidiff";
import { Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";

/** Widest line of a comment. */
const commentWidth = 100;

/**
 * A configuration as YAML with the description of every field above it. Fields that are not set come as comments.
 *
 * @param schema that of the configuration
 * @param header a comment at the beginning, one text a line
 */
export function annotatedYaml(value: object, schema: JsonSchema, header: readonly string[] = []): string {
  const document = new Document(annotatedMap(value as Record<string, unknown>, schema, 0));
  if (header.length > 0) document.commentBefore = header.map((line) => ` ${line}`).join("\n");
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function annotatedMap(value: Readonly<Record<string, unknown>>, schema: JsonSchema, depth: number): YAMLMap {
  const map = new YAMLMap();
  const fields = fieldsOf(schema, value);
  const names = [...Object.keys(fields), ...Object.keys(value).filter((name) => !(name in fields))].filter((name) => name !== "$schema");
  let unset: string[] = [];
  for (const name of names) {
    const field = fields[name];
    const set = value[name];
    const choices = field?.enum === undefined ? "" : ` One of ${field.enum.join(", ")}.`;
    const lines = comment(`${field?.description ?? ""}${choices}`, depth);
    if (set === undefined) {
      unset.push(...lines, ` ${name}: ${field?.default === undefined ? "" : JSON.stringify(field.default)}`.trimEnd());
      continue;
    }
    const key = new Scalar(name);
    const text = [...unset, ...lines].join("\n");
    if (text !== "") key.commentBefore = text;
    if (depth === 0 && map.items.length > 0) key.spaceBefore = true;
    map.add(new Pair(key, annotated(set, field, depth + 1)));
    unset = [];
  }
  if (unset.length > 0) map.comment = unset.join("\n");
  return map;
}

function annotated(value: unknown, schema: JsonSchema | undefined, depth: number): Node {
  if (Array.isArray(value)) {
    const list = new YAMLSeq();
    list.flow = value.every((item) => typeof item !== "object" || item === null);
    for (const item of value) list.add(plain(item));
    return list;
  }
  if (typeof value !== "object" || value === null) return new Scalar(value);
  const fields = schema === undefined ? {} : fieldsOf(schema, value as Record<string, unknown>);
  return Object.keys(fields).length === 0 ? plain(value) : annotatedMap(value as Record<string, unknown>, schema!, depth);
}

/** Steps of preprocessing and the like, each on a line of its own, without comments. */
function plain(value: unknown): Node {
  const node = new Document(value).contents!;
  if (node instanceof YAMLMap || node instanceof YAMLSeq) node.flow = true;
  return node as Node;
}

/** The fields that an object of these values has: those of a union's choice, and those that a name decides. */
function fieldsOf(schema: JsonSchema, value: Readonly<Record<string, unknown>>): Record<string, JsonSchema> {
  const { properties = {}, anyOf = [], allOf = [] } = schema;
  const conditional = allOf.flatMap((part) => {
    const name = part.if?.properties?.["name"]?.const;
    return name !== undefined && value["name"] === name ? [part.then?.properties ?? {}] : [];
  });
  const chosen = anyOf.map((choice) => choice.properties ?? {});
  return [properties, ...chosen, ...conditional].reduce<Record<string, JsonSchema>>((all, fields) => {
    // What a name decides tells more than what all names have in common.
    const described = Object.entries(fields).filter(([, field]) => typeof field === "object");
    return { ...all, ...Object.fromEntries(described) };
  }, {});
}

/** A description as lines of a comment. */
function comment(description: string, depth: number): string[] {
  const width = commentWidth - 2 * depth;
  const lines: string[] = [];
  for (const word of description.split(" ").filter((part) => part !== "")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(` ${word}`);
  }
  return lines;
}
