import { Conv2d, type Conv2dLayerOptions, type Generator, GroupNorm, leakyRelu, Module, type Tensor4D, tidy } from "@hidiff/core-tensor";

/** Slope of the leaky ReLUs for negative values. */
const negativeSlope = 0.01;

/** A convolution, then instance normalization: `[batch, height, width, inChannels]` → `[…, outChannels]`. */
export class ConvNorm extends Module {
  readonly #conv: Conv2d;
  readonly #norm: GroupNorm;

  constructor(options: Conv2dLayerOptions, generator: Generator) {
    super();
    this.#conv = this.addChild("conv", new Conv2d(options, generator));
    // Instance normalization is group normalization with one channel a group.
    this.#norm = this.addChild("norm", new GroupNorm(options.outChannels, { groups: options.outChannels }));
  }

  forward(input: Tensor4D): Tensor4D {
    return tidy(() => this.#norm.forward(this.#conv.forward(input)));
  }
}

/** The activation that follows a {@link ConvNorm}, or the sum of two. */
export function activate(input: Tensor4D): Tensor4D {
  return leakyRelu(input, negativeSlope);
}
