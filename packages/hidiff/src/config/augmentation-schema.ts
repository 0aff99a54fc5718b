import type { AugmentationName, AugmentationOptions } from "@hidiff/datasets";
import { z } from "zod";
import { atLeastZero, fraction, positiveInteger, range } from "./fields.ts";

// What is left out is as the data set's augmentation has it.
const options = z.strictObject({
  horizontalFlip: z.union([z.boolean(), fraction]).optional().describe("Mirror left and right: on or off, or how often."),
  verticalFlip: z.union([z.boolean(), fraction]).optional().describe("Mirror top and bottom: on or off, or how often."),
  quarterTurn: z.boolean().optional().describe("Turn by 0, 90, 180 or 270 degrees."),
  affine: z
    .union([
      z.boolean(),
      z.strictObject({
        rotation: atLeastZero.optional().describe("Largest rotation in degrees, to either side."),
        scale: range.optional().describe("Smallest and largest scale."),
        shear: atLeastZero.optional().describe("Largest shear in degrees, to either side."),
        shift: atLeastZero.optional().describe("Largest shift, as a fraction of the crop's side."),
      }),
    ])
    .optional()
    .describe("Rotate, scale, shear and shift at random."),
  colorJitter: z
    .union([
      z.boolean(),
      z.strictObject({
        brightness: atLeastZero.optional().describe("Largest change of the brightness, as a fraction."),
        contrast: atLeastZero.optional().describe("Largest change of the contrast, as a fraction."),
        saturation: atLeastZero.optional().describe("Largest change of the saturation, as a fraction."),
        hue: atLeastZero.optional().describe("Largest turn of the hue, as a fraction of the circle."),
      }),
    ])
    .optional()
    .describe("Change the colours at random; for images of 3 channels or 1."),
  gaussianBlur: z
    .union([
      z.boolean(),
      z.strictObject({
        size: positiveInteger.optional().describe("Side of the filter in pixels, an odd number."),
        sigma: range.optional().describe("Smallest and largest standard deviation in pixels."),
      }),
    ])
    .optional()
    .describe("Blur at random."),
});

export const augmentation: z.ZodType<AugmentationName | AugmentationOptions> = z.union([z.enum(["rgb", "volume"]), options]) as never;
