import { z } from "zod";
import { path, positiveInteger } from "./fields.ts";

/** A list of as many whole numbers as there are stages. */
const perStage = (length: number): z.ZodArray<z.ZodNumber> => z.array(positiveInteger).length(length);
const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);
const positivePerChannel = z.union([z.number().positive(), z.array(z.number().positive()).min(1)]);
const featureWidth = positiveInteger.default(16).describe("Channels of the learned feature map at stride 4; those at 8, 16 and 32 have 2, 4 and 4 times as many.");

/** A model of another runtime. */
const model = z.strictObject({
  model: path.describe("The model's file: an .onnx, or a model.json with its weights beside it."),
  featureWidth,
  activation: z
    .enum(["auto", "none", "sigmoid", "softmax"])
    .default("auto")
    .describe("What makes probabilities of the model's output; auto: by the operation that computes it."),
  layout: z.enum(["auto", "channels-first", "channels-last"]).default("auto").describe("Order of the axes of input and output; auto: by the input's shape."),
  input: path.optional().describe("Name of the model's input. Default: the only one."),
  output: path.optional().describe("Name of the model's output. Default: the only one."),
  scale: perChannel.default(1).describe("The model gets (scale · image + offset − mean) / std: one number, or one a channel."),
  offset: perChannel.default(0).describe("See scale."),
  mean: perChannel.default(0).describe("See scale."),
  std: positivePerChannel.default(1).describe("See scale."),
  multipleOf: positiveInteger.default(1).describe("The model takes images whose sides are multiples of this; others are resized to the next."),
});

/**
 * The options of the segmentors of this project, by name, as a configuration may have them. Defaults are told rather than
 * filled in: the networks do that. A segmentor of one's own checks its options itself.
 */
export const segmentorOptionSchemas: Readonly<Record<string, z.ZodObject>> = {
  unet: z.strictObject({
    baseWidth: positiveInteger.default(64).describe("Channels at full resolution; they double with each level: 64 as published, 8 to 16 on a laptop."),
    depth: z.number().int().min(1).max(5).default(4).describe("Number of down-samplings."),
    norm: z.enum(["batch", "group", "none"]).default("batch").describe("How activations are normalized."),
    up: z.enum(["transposed", "bilinear"]).default("transposed").describe("How the decoder doubles a map's sides."),
  }),
  transunet: z.strictObject({
    variant: z.enum(["r50-vit-b16", "r50-vit-l16", "small"]).default("r50-vit-b16").describe("A named size, which gives the other options their defaults."),
    hiddenSize: positiveInteger.optional().describe("Channels of the transformer's tokens, a multiple of heads. Default: the variant's."),
    mlpSize: positiveInteger.optional().describe("Channels inside of a transformer block. Default: the variant's."),
    heads: positiveInteger.optional().describe("Attention heads. Default: the variant's."),
    layers: positiveInteger.optional().describe("Transformer blocks. Default: the variant's."),
    resnetUnits: perStage(3).optional().describe("Units of the ResNet's stages at strides 4, 8 and 16. Default: the variant's."),
    widthFactor: z.number().positive().optional().describe("The ResNet's width, relative to 64 channels at stride 2. Default: the variant's."),
    decoderChannels: perStage(4).optional().describe("Channels of the decoder at strides 8, 4, 2 and 1. Default: the variant's."),
    skips: z.number().int().min(0).max(3).default(3).describe("How many decoder blocks get a map of the ResNet."),
    imageSize: positiveInteger.multipleOf(32).max(4096).default(224).describe("Side of the images that the position embeddings are for."),
  }),
  "swin-unet": z.strictObject({
    embedDimension: positiveInteger.default(96).describe("Channels at stride 4; they double with each further stage."),
    depths: perStage(4).default([2, 2, 2, 2]).describe("Blocks of the encoder at strides 4, 8, 16 and 32."),
    decoderDepths: perStage(4).default([1, 2, 2, 2]).describe("Blocks of the decoder at strides 32, 16, 8 and 4."),
    heads: perStage(4).default([3, 6, 12, 24]).describe("Attention heads at strides 4, 8, 16 and 32, divisors of the stage's channels."),
    window: positiveInteger.default(7).describe("Side of the attention windows."),
    mlpRatio: positiveInteger.default(4).describe("Hidden features of the blocks, as a multiple of the channels."),
  }),
  "attention-unet": z.strictObject({
    baseWidth: positiveInteger.multipleOf(2).default(64).describe("Channels at full resolution, an even number; they double with each level."),
  }),
  "residual-unet": z.strictObject({
    stages: z.number().int().min(3).max(8).default(6).describe("Number of resolutions."),
    baseWidth: positiveInteger.default(32).describe("Channels at full resolution; they double with each stage."),
    maximumWidth: positiveInteger.default(512).describe("Most channels of a stage."),
    blocks: z.array(positiveInteger).min(3).max(8).optional().describe("Residual blocks, a number a stage. Default 1, 3, 4, then 6 each."),
    deepSupervision: z.boolean().default(true).describe("Whether the network is trained at every resolution."),
  }),
  masks: z.strictObject({ featureWidth }),
  onnx: model,
  tfjs: model,
};
