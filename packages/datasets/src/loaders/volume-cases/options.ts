import { z } from "zod";
import { type Preprocessing, preprocessingSchema, type PreprocessingStep } from "../../preprocessing/schema.ts";
import type { BadFiles } from "./find-cases.ts";

/** What the loaders of volumes have in common. */
export interface VolumeDatasetOptions {
  /** Slices are resized to `size`×`size` pixels (cubic) at the end of the default preprocessing; null leaves them as they are. */
  readonly size?: number | null;
  /** Instead of the default preprocessing. */
  readonly preprocessing?: Preprocessing;
  /**
   * What happens to a case whose files are missing or have an unreadable header when the data set is opened: an error
   * (default), or the case is left out with a note.
   */
  readonly badFiles?: BadFiles;
}

/** Text files of case ids, one a line. Their paths are not relative to the data set: they may lie anywhere. */
export interface CaseLists {
  readonly train: string;
  readonly validation?: string;
  readonly test: string;
}

/** The fields of {@link VolumeDatasetOptions} for a loader's schema. */
export type VolumeOptionFields = {
  readonly size: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
  readonly preprocessing: z.ZodOptional<z.ZodType<Preprocessing>>;
  readonly badFiles: z.ZodDefault<z.ZodEnum<{ error: "error"; skip: "skip" }>>;
};

/** A number of cases, or their ids. */
export type ValidationField = z.ZodDefault<z.ZodUnion<readonly [z.ZodNumber, z.ZodArray<z.ZodString>]>>;

export const volumeOptionFields: VolumeOptionFields = {
  size: z.number().int().positive().nullable().optional(),
  preprocessing: preprocessingSchema.optional(),
  badFiles: z.enum(["error", "skip"]).default("error"),
};

export const seedField: z.ZodDefault<z.ZodNumber> = z.number().default(0);

export const validationField: ValidationField = z.union([z.number(), z.array(z.string())]).default(0);

export const caseListsField: z.ZodOptional<z.ZodType<CaseLists>> = (
  z.object({ train: z.string(), validation: z.string().optional(), test: z.string() }) as unknown as z.ZodType<CaseLists>
).optional();

/** The step that brings slices to `size`×`size` pixels, if any. */
export function resizeTo(size: number | null): PreprocessingStep[] {
  return size === null ? [] : [{ step: "resize", height: size, width: size, image: "cubic" }];
}
