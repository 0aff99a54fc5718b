import { type HiDiff, type InferenceOptions, inferenceSchema, parse } from "hidiff";
import { usageError } from "../errors.ts";

/** What the command line may change of a bundle's inference options. */
export interface InferenceFlags {
  readonly samples?: number;
  readonly steps?: number;
  readonly temperature?: number;
  readonly overlap?: number;
  /** Test-time augmentation; `inference.flips` of a configuration. */
  readonly tta?: boolean;
  readonly keepLargest?: boolean;
}

/** The bundle's inference options, with those of the command line in their place. */
export function inferenceOptions({ manifest }: HiDiff, { samples, steps, temperature, overlap, tta, keepLargest }: InferenceFlags): InferenceOptions {
  const given = { samples, steps, temperature, overlap, flips: tta, keepLargestComponent: keepLargest };
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const inference = parse(inferenceSchema, { ...manifest.inference, ...changes }, "The inference options");
  const available = manifest.architecture.diffusion.steps;
  if (inference.steps !== undefined && inference.steps > available) {
    throw usageError(`--steps ${inference.steps}: the model has ${available} refinement steps; give 1 to ${available}.`);
  }
  return inference;
}
