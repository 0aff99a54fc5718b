import { BatchNorm, Conv2d, type Generator, type Mode, Module, type Tensor4D } from "@hidiff/core-tensor";

interface ConvBatchNormOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
}

/** A convolution with bias, then batch normalization: `[batch, height, width, inChannels]` → `[…, outChannels]`. */
export class ConvBatchNorm extends Module {
  readonly #conv: Conv2d;
  readonly #norm: BatchNorm;

  constructor(options: ConvBatchNormOptions, generator: Generator) {
    super();
    this.#conv = this.addChild("conv", new Conv2d(options, generator));
    this.#norm = this.addChild("norm", new BatchNorm(options.outChannels));
  }

  forward(input: Tensor4D, mode: Mode): Tensor4D {
    return this.#norm.forward(this.#conv.forward(input), mode);
  }
}
