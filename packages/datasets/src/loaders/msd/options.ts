import { z } from "zod";
import type { Plane } from "../../volumes/oriented-grid.ts";
import {
  type CaseLists,
  caseListsField,
  seedField,
  type ValidationField,
  validationField,
  type VolumeDatasetOptions,
  type VolumeOptionFields,
  volumeOptionFields,
} from "../volume-cases/options.ts";

export interface MsdOptions extends VolumeDatasetOptions {
  /** The slices' plane. Default axial. */
  readonly plane?: Plane;
  /**
   * How many classes the labels have with the background (values 0 to classes - 1), or their names, the background first.
   * Default: those of `dataset.json`; without that file, all label files are read to find them.
   */
  readonly classes?: number | readonly string[];
  /** What made the images, such as CT or MRI, where there is no `dataset.json`; it decides the default preprocessing. Default MRI. */
  readonly modality?: string;
  /** Seeds the split, 80 % of the cases for training, 10 % for validation, 10 % for testing, or the folds. Default 0. */
  readonly seed?: number;
  /** Cross-validation instead: part `fold` (from 0) of `folds` equal parts is for testing, the others for training. */
  readonly folds?: { readonly folds: number; readonly fold: number };
  /** With `folds`: how many training cases (the last ones) serve as validation, or their ids. Default 0. */
  readonly validation?: number | readonly string[];
  /** Files that tell the splits; then `seed`, `folds` and `validation` do not apply. */
  readonly lists?: CaseLists;
}

/** Checks the options and fills in the defaults. */
export const msdOptionsSchema: z.ZodObject<
  VolumeOptionFields & {
    readonly plane: z.ZodDefault<z.ZodEnum<{ axial: "axial"; coronal: "coronal"; sagittal: "sagittal"; stored: "stored" }>>;
    readonly classes: z.ZodOptional<z.ZodUnion<readonly [z.ZodNumber, z.ZodArray<z.ZodString>]>>;
    readonly modality: z.ZodOptional<z.ZodString>;
    readonly seed: z.ZodDefault<z.ZodNumber>;
    readonly folds: z.ZodOptional<z.ZodObject<{ folds: z.ZodNumber; fold: z.ZodNumber }>>;
    readonly validation: ValidationField;
    readonly lists: z.ZodOptional<z.ZodType<CaseLists>>;
  }
> = z.object({
  ...volumeOptionFields,
  plane: z.enum(["axial", "coronal", "sagittal", "stored"]).default("axial"),
  classes: z.union([z.number().int().min(2).max(256), z.array(z.string()).min(2).max(256)]).optional(),
  modality: z.string().optional(),
  seed: seedField,
  folds: z.object({ folds: z.number(), fold: z.number() }).optional(),
  validation: validationField,
  lists: caseListsField,
});

/** The checked options with their defaults. */
export type MsdSettings = z.output<typeof msdOptionsSchema>;
