import { scheduleNames } from "@hidiff/bernoulli-diffusion";
import { z } from "zod";
import { positiveInteger } from "./fields.ts";
import { segmentorOptionSchemas } from "./segmentor-options.ts";
import { forwardIssues } from "./forward-issues.ts";
import type { Architecture } from "./schema.ts";

const segmentor = z
  .strictObject({
    name: z.string().default("unet").describe("The network of the first mask."),
    options: z.record(z.string(), z.unknown()).default({}).describe("That network's own options."),
  })
  .check(forwardIssues(({ name, options }) => ({ schema: segmentorOptionSchemas[name], value: options, path: ["options"] })));

const parts = {
  segmentor: segmentor.prefault({}).describe("The network that draws the first mask, the prior."),
  refiner: z
    .strictObject({
      kind: z.enum(["diffusion", "discriminative"]).default("diffusion").describe('"discriminative": the same network in one pass without noise, for ablation.'),
      baseWidth: positiveInteger.default(128).describe("Channels at full resolution: 128 in the paper, 16 to 32 on a laptop."),
      precision: z.enum(["binary", "real"]).default("binary").describe('Weights and activations of one bit, or "real" ones, for ablation.'),
      crossTransformer: z.boolean().default(true).describe("Whether the deepest stage attends to the segmentor's features; false for ablation."),
      tokenOrder: z.enum(["spatial", "published"]).default("spatial").describe('"published" only for weights of the published code.'),
    })
    .prefault({})
    .describe("The diffusion network that refines the mask."),
  diffusion: z
    .strictObject({
      kernel: z.enum(["bernoulli", "gaussian"]).default("bernoulli").describe('The noise on masks; "gaussian" for ablation.'),
      schedule: z.enum(scheduleNames).default("cosine").describe("How the noise grows with the steps."),
      steps: positiveInteger.default(10).describe("Steps from the true mask to the prior, T."),
      target: z
        .enum(["epsilon", "y0", "y0-log-odds"])
        .default("epsilon")
        .describe('What the refiner estimates: the noise (the paper), the mask, or as log odds what the image adds to latent mask and prior.'),
    })
    .refine(({ kernel, target }) => kernel === "bernoulli" || target === "epsilon", {
      path: ["target"],
      message: 'the Gaussian kernel takes the target "epsilon" only',
    })
    .refine(({ schedule, steps }) => schedule !== "linear" || steps >= 20, {
      path: ["steps"],
      message: 'the schedule "linear" needs 20 steps or more; take "cosine" for fewer',
    })
    .prefault({})
    .describe("The diffusion process."),
};

/** With what the data set decides. */
export const architecture: z.ZodType<Architecture> = z.strictObject({ imageChannels: positiveInteger, classes: positiveInteger, ...parts });

/** As a configuration has it. */
export const configuredArchitecture: z.ZodType<Omit<Architecture, "imageChannels" | "classes">, object | undefined> = z
  .strictObject(parts)
  .prefault({})
  .describe("The two networks and the diffusion process between them.");
