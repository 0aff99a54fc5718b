import { HidiffError } from "@hidiff/core-tensor";
import { integerIn, multipleOf, oneOf, positiveInteger, positiveIntegers, positiveNumber, readOptions } from "../options.ts";

/** Named sizes of the network: the published ones, and one for trials on a laptop. */
export type TransUNetVariant = "r50-vit-b16" | "r50-vit-l16" | "small";

export interface TransUNetOptions {
  /** One channel is repeated to three, as published. */
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Gives the other options their defaults. Default "r50-vit-b16". */
  readonly variant?: TransUNetVariant;
  /** Channels of the transformer's tokens; a multiple of `heads`. */
  readonly hiddenSize?: number;
  /** Channels between the two linear maps of a transformer block. */
  readonly mlpSize?: number;
  /** Attention heads. */
  readonly heads?: number;
  /** Transformer blocks. */
  readonly layers?: number;
  /** Bottleneck units of the ResNet's stages, at strides 4, 8 and 16. */
  readonly resnetUnits?: readonly number[];
  /** The ResNet's width, relative to 64 channels at stride 2. */
  readonly widthFactor?: number;
  /** Channels of the decoder's blocks, at strides 8, 4, 2 and 1. */
  readonly decoderChannels?: readonly number[];
  /** How many decoder blocks get a map of the ResNet, 0 … 3, from the one at stride 8 on. Default 3. */
  readonly skips?: number;
  /** Side of the square images that the position embeddings are for; for others they are interpolated. Default 224. */
  readonly imageSize?: number;
}

/** There are imageSize² / 256 position embeddings: a file of weights with a wrong size must not take all memory. */
const largestImageSize = 4096;

type Preset = Pick<
  Required<TransUNetOptions>,
  "hiddenSize" | "mlpSize" | "heads" | "layers" | "resnetUnits" | "widthFactor" | "decoderChannels"
>;

const published = { resnetUnits: [3, 4, 9], widthFactor: 1, decoderChannels: [256, 128, 64, 16] };

const presets: Readonly<Record<TransUNetVariant, Preset>> = {
  "r50-vit-b16": { ...published, hiddenSize: 768, mlpSize: 3072, heads: 12, layers: 12 },
  "r50-vit-l16": { ...published, hiddenSize: 1024, mlpSize: 4096, heads: 16, layers: 24 },
  small: {
    hiddenSize: 96,
    mlpSize: 192,
    heads: 4,
    layers: 4,
    resnetUnits: [1, 1, 1],
    widthFactor: 0.25,
    decoderChannels: [64, 32, 16, 16],
  },
};

/**
 * The options of a TransUNet with the defaults of its variant filled in.
 *
 * @throws HidiffError `segmentor.option`
 */
export function readTransUNetOptions(given: TransUNetOptions): Required<TransUNetOptions> {
  const variant = oneOf(Object.keys(presets) as TransUNetVariant[], "r50-vit-b16");
  const preset = presets[variant.read(given.variant) ?? "r50-vit-b16"];
  const options = readOptions<Required<TransUNetOptions>>("TransUNet", given, {
    imageChannels: positiveInteger(),
    classes: positiveInteger(),
    variant,
    hiddenSize: positiveInteger(preset.hiddenSize),
    mlpSize: positiveInteger(preset.mlpSize),
    heads: positiveInteger(preset.heads),
    layers: positiveInteger(preset.layers),
    resnetUnits: positiveIntegers(preset.resnetUnits, 3),
    widthFactor: positiveNumber(preset.widthFactor),
    decoderChannels: positiveIntegers(preset.decoderChannels, 4),
    skips: integerIn(0, 3, 3),
    imageSize: multipleOf(32, 224, largestImageSize),
  });
  if (options.hiddenSize % options.heads !== 0) {
    throw new HidiffError(
      "segmentor.option",
      `TransUNet: expected hiddenSize to be a multiple of heads, got ${options.hiddenSize} channels for ${options.heads} heads.`,
    );
  }
  if (!Number.isInteger(64 * options.widthFactor)) {
    throw new HidiffError(
      "segmentor.option",
      `TransUNet: expected widthFactor to be a multiple of 1/64, so that channels are whole, got ${options.widthFactor}.`,
    );
  }
  return options;
}
