import { z } from "zod";
import { type ValidationField, validationField, type VolumeDatasetOptions, type VolumeOptionFields, volumeOptionFields } from "../volume-cases/options.ts";

export interface SynapseOptions extends VolumeDatasetOptions {
  /** How many training patients (the last ones) serve as validation instead, or their case ids (`case0005`). Default 0. */
  readonly validation?: number | readonly string[];
  /**
   * The folder of the lists `train.txt` and `test_vol.txt`. Without it, `lists_Synapse` or `lists/lists_Synapse` in the
   * root; without those, the published split.
   */
  readonly lists?: string;
  /**
   * Whose numbers the label files hold: TransUNet's 8 organs (default for its preprocessed files) or BTCV's 13 (default
   * for the original CTs), of which 8 are used.
   */
  readonly labels?: "transunet" | "btcv";
  /** Anything but the published 18 training cases, 2211 training slices and 12 test cases is an error instead of a note. Default false. */
  readonly strict?: boolean;
}

/** Checks the options and fills in the defaults. */
export const synapseOptionsSchema: z.ZodObject<
  VolumeOptionFields & {
    readonly validation: ValidationField;
    readonly lists: z.ZodOptional<z.ZodString>;
    readonly labels: z.ZodOptional<z.ZodEnum<{ transunet: "transunet"; btcv: "btcv" }>>;
    readonly strict: z.ZodDefault<z.ZodBoolean>;
  }
> = z.object({
  ...volumeOptionFields,
  validation: validationField,
  lists: z.string().optional(),
  labels: z.enum(["transunet", "btcv"]).optional(),
  strict: z.boolean().default(false),
});

/** The checked options with their defaults. */
export type SynapseSettings = z.output<typeof synapseOptionsSchema>;
