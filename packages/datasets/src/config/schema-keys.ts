import type { z } from "zod";

/**
 * The keys that an object schema at `path` knows, looked up through defaults, lists, records and unions. Of a union whose
 * choices are told apart by a field, such as `step`, the choice that `value` names; of other unions, all choices.
 */
export function knownKeys(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): string[] {
  let nodes = choicesOf(schema, value);
  let current = value;
  for (const key of path) {
    current = (current as Record<PropertyKey, unknown> | null | undefined)?.[key];
    nodes = nodes.flatMap((node) => choicesOf(childOf(node, key), current));
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.shape ?? {})))];
}

/** What is looked at of a zod schema. */
interface SchemaNode {
  /** of objects */
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly def?: {
    readonly type: string;
    /** of wrappers such as defaults */
    readonly innerType?: unknown;
    /** of lists */
    readonly element?: unknown;
    /** of tuples */
    readonly items?: readonly unknown[];
    /** of records */
    readonly valueType?: unknown;
    /** of transformations */
    readonly in?: unknown;
    /** of unions */
    readonly options?: readonly unknown[];
    readonly discriminator?: string;
  };
  /** of literals and enumerations: checks a value */
  safeParse?(value: unknown): { readonly success: boolean };
}

function childOf({ shape, def }: SchemaNode, key: PropertyKey): unknown {
  return shape?.[String(key)] ?? def?.element ?? def?.items?.[Number(key)] ?? def?.valueType;
}

/** The schemas inside of wrappers and unions that may be meant by `value`. */
function choicesOf(schema: unknown, value: unknown): SchemaNode[] {
  const node = schema as SchemaNode | undefined;
  if (node === undefined) return [];
  const inner = node.def?.innerType ?? (node.def?.type === "pipe" ? node.def.in : undefined);
  if (inner !== undefined) return choicesOf(inner, value);
  const { options, discriminator } = node.def ?? {};
  if (options === undefined) return [node];
  const choices = options.flatMap((option) => choicesOf(option, value));
  if (discriminator === undefined) return choices;
  const named = (value as Record<string, unknown> | null | undefined)?.[discriminator];
  return choices.filter((choice) => (choice.shape?.[discriminator] as SchemaNode | undefined)?.safeParse?.(named).success === true);
}
