import { z } from "zod";
import { count, positiveInteger } from "./fields.ts";
import type { InferenceOptions } from "./schema.ts";

export const inference: z.ZodType<InferenceOptions> = z.strictObject({
  samples: positiveInteger.default(4).describe("Refinement chains per image, whose mean is the result."),
  steps: positiveInteger.optional().describe("Refinement steps per chain, at most architecture.diffusion.steps; default all of them."),
  sampler: z.enum(["ancestral", "ddim"]).default("ancestral").describe("How a chain goes from step to step."),
  temperature: z.number().positive().default(1).describe("Below 1, chains seek the most probable mask instead of sampling the possible ones; 1 in the paper."),
  window: count
    .multipleOf(32)
    .default(256)
    .describe("Side of the square windows that larger images are computed in, in pixels, a multiple of 32; 0: the whole image at once."),
  overlap: z.number().min(0).max(0.9).default(0.5).describe("Overlap of neighbouring windows, as a fraction of their side."),
  flips: z.boolean().default(false).describe("Average over the image's four mirrorings: four times the work."),
  keepLargestComponent: z.boolean().default(false).describe("Keep only the largest connected part of each class."),
  batchSize: positiveInteger.default(8).describe("Largest number of windows × samples computed at once."),
}) as never;
