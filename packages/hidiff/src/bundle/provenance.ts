import { z } from "zod";

/** How a model was made, as far as it is known. */
export interface Provenance {
  /** The name of the data set that it was trained on. */
  readonly dataset?: string | undefined;
  /** How many images or volumes of it were trained on, validated on and kept for testing. */
  readonly images?: { readonly train: number; readonly validation: number; readonly test: number } | undefined;
  readonly seed?: number | undefined;
  /** The training's whole configuration; of files and folders outside of it, only the last name is kept. */
  readonly configuration?: Readonly<Record<string, unknown>> | undefined;
  /** The commands that made it, in order. */
  readonly commands?: readonly string[] | undefined;
  /** The versions of the packages, by name. */
  readonly versions?: Readonly<Record<string, string>> | undefined;
  /** When the training began, ISO 8601. */
  readonly date?: string | undefined;
  /** Where weights came from that were not trained here. */
  readonly importedFrom?: string | undefined;
}

const count = z.number().int().min(0);
const text = z.string().min(1);

export const provenanceSchema: z.ZodType<Provenance> = z.strictObject({
  dataset: text.optional(),
  images: z.strictObject({ train: count, validation: count, test: count }).optional(),
  seed: z.number().int().optional(),
  configuration: z.record(z.string(), z.unknown()).optional(),
  commands: z.array(text).optional(),
  versions: z.record(z.string(), z.string()).optional(),
  date: text.optional(),
  importedFrom: text.optional(),
});

const absolutePath = /^(?:[\\/]|[A-Za-z]:[\\/]|file:|~[\\/])/;

/** A configuration for others to read: of absolute paths, which tell of the machine, only the last name is kept. */
export function withoutMachinePaths<T>(value: T): T {
  if (typeof value === "string") return (absolutePath.test(value) ? lastName(value) : value) as T;
  if (Array.isArray(value)) return value.map(withoutMachinePaths) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutMachinePaths(inner as unknown)])) as T;
}

function lastName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== "") ?? "";
}
