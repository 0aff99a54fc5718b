import { BatchNorm, Conv2d, type Generator, GroupNorm, type Mode, Module, relu, type Tensor4D, tidy } from "@hidiff/core-tensor";

/** How activations are normalized: over the batch, over groups of channels, or not. */
export type Normalization = "batch" | "group" | "none";

interface DoubleConvOptions {
  readonly inChannels: number;
  /** Channels between the two convolutions. Default `outChannels`. */
  readonly middleChannels?: number;
  readonly outChannels: number;
  readonly norm: Normalization;
  /** Default: as {@link DoubleConv} says. */
  readonly bias?: boolean;
}

/**
 * Convolution 3×3, normalization, ReLU, twice: `[batch, height, width, inChannels]` → `[…, outChannels]`.
 *
 * By default, convolutions before a batch normalization have no bias, since its mean would take it away.
 */
export class DoubleConv extends Module {
  readonly #steps: readonly { readonly conv: Conv2d; readonly norm: BatchNorm | GroupNorm | undefined }[];

  constructor(options: DoubleConvOptions, generator: Generator) {
    super();
    const { inChannels, outChannels, middleChannels = outChannels, norm, bias = norm !== "batch" } = options;
    const widths = [inChannels, middleChannels, outChannels] as const;
    this.#steps = ([0, 1] as const).map((index) => {
      const channels = { inChannels: widths[index], outChannels: widths[index + 1]! };
      const conv = this.addChild(`conv${index + 1}`, new Conv2d({ ...channels, bias }, generator));
      const layer = createNorm(norm, channels.outChannels);
      return { conv, norm: layer && this.addChild(`norm${index + 1}`, layer) };
    });
  }

  forward(input: Tensor4D, mode: Mode): Tensor4D {
    return tidy(() =>
      this.#steps.reduce((previous, { conv, norm }) => {
        const convolved = conv.forward(previous);
        return relu(norm === undefined ? convolved : normalize(norm, convolved, mode));
      }, input),
    );
  }
}

function createNorm(norm: Normalization, channels: number): BatchNorm | GroupNorm | undefined {
  if (norm === "none") return undefined;
  return norm === "batch" ? new BatchNorm(channels) : new GroupNorm(channels);
}

function normalize(norm: BatchNorm | GroupNorm, input: Tensor4D, mode: Mode): Tensor4D {
  return norm instanceof BatchNorm ? norm.forward(input, mode) : norm.forward(input);
}
