import { z } from "zod";
import { datasetOptionSchemas } from "./dataset-options.ts";
import { configurationSchema } from "./schema.ts";
import { segmentorOptionSchemas } from "./segmentor-options.ts";

/** A JSON Schema (draft-07), or a part of one. */
export interface JsonSchema {
  $schema?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema | JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  if?: JsonSchema;
  then?: JsonSchema;
}

let made: JsonSchema | undefined;

/**
 * The JSON Schema (draft-07, which editors know best) of a configuration file: every field with its description, type,
 * range and default; the options of a data set and of a segmentor by its name. It tells what zod checks, except for what
 * several fields must agree in.
 */
export function configurationJsonSchema(): JsonSchema {
  return structuredClone((made ??= makeSchema()));
}

function makeSchema(): JsonSchema {
  const schema = {
    title: "HiDiff configuration",
    description: "Configures a training of hidiff: data set, networks, training and inference. Everything but the data set's name has a default.",
    ...convert(configurationSchema),
  };
  const properties = schema.properties!;
  byName(properties["dataset"]!, datasetOptionSchemas, (options) => options);
  // An if that names no segmentor means the default one.
  const segmentor = properties["architecture"]!.properties!["segmentor"]!;
  byName(segmentor, segmentorOptionSchemas, (options) => ({ properties: { options } }), segmentor.properties!["name"]!.default);
  return schema;
}

/** Adds to an object with a `name` which fields it has for each name. */
function byName(node: JsonSchema, schemas: Readonly<Record<string, z.ZodType>>, fields: (options: JsonSchema) => JsonSchema, unnamed?: unknown): void {
  const name = node.properties!["name"]!;
  name.enum = Object.keys(schemas);
  node.allOf = Object.entries(schemas).map(([value, schema]) => {
    const { $schema: _, ...converted } = convert(schema);
    const then = fields(converted);
    // An object of options that lists its fields has the name among them.
    if (then.additionalProperties === false) then.properties = { name: true as never, ...then.properties };
    // oxlint-disable-next-line no-thenable -- a keyword of JSON Schema
    return { if: { properties: { name: { const: value } }, ...(value === unnamed ? {} : { required: ["name"] }) }, then };
  });
}

function convert(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: "draft-07",
    io: "input",
    override: ({ jsonSchema }) => {
      const node = jsonSchema as JsonSchema;
      // Safe integers are no range that anybody asks about.
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
      // The default of an object is what its fields' defaults say.
      if (typeof node.default === "object" && node.default !== null && Object.keys(node.default).length === 0) delete node.default;
    },
  }) as JsonSchema;
}
