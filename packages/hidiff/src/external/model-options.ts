import { parse } from "@hidiff/datasets";
import { z } from "zod";

/** One number for all channels, or one a channel of the model's input. */
export type PerChannel = number | readonly number[];

/** Options of the segmentors "onnx" and "tfjs". */
export interface ModelOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Channels of the learned feature map at stride 4; see `MaskSegmentor`. */
  readonly featureWidth?: number | undefined;
  /** The model's file: an `.onnx`, or a `model.json` with its weights beside it. */
  readonly model: string;
  /**
   * What makes probabilities of the model's output. "auto" asks the operation that computes it: the output of a sigmoid or
   * softmax is taken as it is, that of a convolution, addition or normalization by sigmoid (one channel) or softmax. For any
   * other operation it must be said.
   */
  readonly activation: "auto" | "none" | "sigmoid" | "softmax";
  /**
   * Order of the axes of input and output. "auto" goes by which axis of the input has the image's channels, and where that
   * does not decide, it is channels-first for ONNX and channels-last for TensorFlow.js.
   */
  readonly layout: "auto" | "channels-first" | "channels-last";
  /** Names of the model's input and output. Default: the only ones. */
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  /**
   * The model gets `(scale · image + offset − mean) / std` of images as the networks take them. For images in [−1, 1] and a
   * model with ImageNet's normalization of [0, 1], scale and offset are 0.5, mean and std ImageNet's.
   */
  readonly scale: PerChannel;
  readonly offset: PerChannel;
  readonly mean: PerChannel;
  readonly std: PerChannel;
  /** The model takes images whose sides are multiples of this; others are resized to the next. Default 1. */
  readonly multipleOf: number;
}

const positiveInteger = z.number().int().positive();
const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);
const positive = z.union([z.number().positive(), z.array(z.number().positive()).min(1)]);

const schema = z.strictObject({
  imageChannels: positiveInteger,
  classes: positiveInteger,
  featureWidth: positiveInteger.optional(),
  model: z.string().min(1),
  activation: z.enum(["auto", "none", "sigmoid", "softmax"]).default("auto"),
  layout: z.enum(["auto", "channels-first", "channels-last"]).default("auto"),
  input: z.string().min(1).optional(),
  output: z.string().min(1).optional(),
  scale: perChannel.default(1),
  offset: perChannel.default(0),
  mean: perChannel.default(0),
  std: positive.default(1),
  multipleOf: positiveInteger.default(1),
});

/**
 * The options with defaults filled in.
 *
 * @param kind the segmentor's name
 * @throws HidiffError `config.invalid`
 */
export function readModelOptions(kind: string, options: unknown): ModelOptions {
  return parse(schema, options, `The configuration of the segmentor "${kind}"`);
}
