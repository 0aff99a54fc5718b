import { z } from "zod";

/**
 * One step of preprocessing. Steps are plain data: a data set names them, a configuration may change them, and a model's
 * bundle stores them, so that training and inference do the same.
 *
 * Intensities:
 * - `scale`: maps `from` linearly to `to`; `from: "range"` is the range of the stored type (0 … 255 for 8 bits).
 * - `clip`: limits values to [low, high]; with `to`, maps that interval linearly to it afterwards.
 * - `window`: as `clip`, by centre and width (Hounsfield units).
 * - `percentile`: clips to the given percentiles of the region's values (in percent), then maps them to `to`. A channel
 *   whose two percentiles are equal, or whose region is empty, becomes `to[0]`.
 * - `z-score`: subtracts the mean and divides by the standard deviation of the region's values, a channel at a time;
 *   voxels outside of a `nonzero` region become 0. A constant channel becomes 0.
 *
 * Statistics are taken over the whole volume, per channel. The region `nonzero` are the voxels where any channel of the
 * original image differs from 0.
 *
 * Space:
 * - `resize`: every slice to [height, width], as SciPy's `zoom` does.
 * - `resample`: to a distance between voxels, in millimetres, along [depth, height, width]; null keeps an axis.
 * - `crop-border`: takes pixels away from every side of each slice.
 * - `crop-foreground`: the smallest box around the values above `above` in any channel, with a margin in voxels; the
 *   whole image where no value is above.
 */
export type PreprocessingStep =
  | { readonly step: "scale"; readonly from: "range" | readonly [number, number]; readonly to: readonly [number, number] }
  | { readonly step: "clip"; readonly low: number; readonly high: number; readonly to?: readonly [number, number] | undefined }
  | { readonly step: "window"; readonly centre: number; readonly width: number; readonly to?: readonly [number, number] | undefined }
  | { readonly step: "percentile"; readonly low: number; readonly high: number; readonly region: Region; readonly to: readonly [number, number] }
  | { readonly step: "z-score"; readonly region: Region }
  | { readonly step: "resize"; readonly height: number; readonly width: number; readonly image: Interpolation }
  | { readonly step: "resample"; readonly spacing: readonly [number | null, number | null, number | null]; readonly image: Interpolation }
  | { readonly step: "crop-border"; readonly pixels: number }
  | { readonly step: "crop-foreground"; readonly above: number; readonly margin: number };

export type Region = "all" | "nonzero";

/** Masks are always resampled by the nearest voxel. */
export type Interpolation = "nearest" | "linear" | "cubic";

export type Preprocessing = readonly PreprocessingStep[];

const pair = z.tuple([z.number(), z.number()]);
const positive = z.number().positive();
const length = z.number().int().positive();
const region = z.enum(["all", "nonzero"]).default("all");
const interpolation = z.enum(["nearest", "linear", "cubic"]).default("cubic");
const percent = z.number().min(0).max(100);
const distance = positive.nullable();

/** What is wrong with a step whose fields have the right types, or undefined if nothing is. */
export function stepProblem(step: PreprocessingStep): string | undefined {
  if ("to" in step && step.to !== undefined && step.to[0] === step.to[1]) return `"to" must be two different numbers, got [${step.to.join(", ")}]`;
  switch (step.step) {
    case "scale":
      if (step.from === "range" || step.from[0] < step.from[1]) return undefined;
      return `"from" must be [low, high] with low below high, got [${step.from.join(", ")}]`;
    case "clip":
    case "percentile":
      return step.low < step.high ? undefined : `"low" must be below "high", got ${step.low} and ${step.high}`;
    default:
      return undefined;
  }
}

/** Checks preprocessing and fills in the defaults. */
export const preprocessingSchema: z.ZodType<Preprocessing> = z
  .array(
    z.discriminatedUnion("step", [
      z.strictObject({ step: z.literal("scale"), from: z.union([z.literal("range"), pair]).default("range"), to: pair.default([-1, 1]) }),
      z.strictObject({ step: z.literal("clip"), low: z.number(), high: z.number(), to: pair.optional() }),
      z.strictObject({ step: z.literal("window"), centre: z.number(), width: positive, to: pair.optional() }),
      z.strictObject({ step: z.literal("percentile"), low: percent.default(0.5), high: percent.default(99.5), region, to: pair.default([0, 1]) }),
      z.strictObject({ step: z.literal("z-score"), region }),
      z.strictObject({ step: z.literal("resize"), height: length, width: length, image: interpolation }),
      z.strictObject({ step: z.literal("resample"), spacing: z.tuple([distance, distance, distance]), image: interpolation }),
      z.strictObject({ step: z.literal("crop-border"), pixels: length }),
      z.strictObject({ step: z.literal("crop-foreground"), above: z.number().default(0), margin: z.number().int().min(0).default(0) }),
    ]),
  )
  .superRefine((steps, context) => {
    for (const [index, step] of steps.entries()) {
      const message = stepProblem(step as PreprocessingStep);
      if (message !== undefined) context.addIssue({ code: "custom", path: [index], message });
    }
  }) as unknown as z.ZodType<Preprocessing>;
