import { add, avgPool2, type Generator, Module, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { activate, ConvNorm } from "./conv-norm.ts";

interface ResidualBlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: 1 | 2;
}

/**
 * Two 3×3 convolutions with instance normalization, the first with the stride, and a skip around them, which is a 2×2
 * average and a 1×1 convolution where sizes and channels differ (the ResNet-D form of He et al. 2019, section 4):
 * `[batch, height, width, inChannels]` → `[batch, height/stride, width/stride, outChannels]`.
 */
export class ResidualBlock extends Module {
  readonly #stride: 1 | 2;
  readonly #first: ConvNorm;
  readonly #second: ConvNorm;
  readonly #projection: ConvNorm | undefined;

  constructor({ inChannels, outChannels, stride }: ResidualBlockOptions, generator: Generator) {
    super();
    this.#stride = stride;
    this.#first = this.addChild("conv1", new ConvNorm({ inChannels, outChannels, stride }, generator));
    this.#second = this.addChild("conv2", new ConvNorm({ inChannels: outChannels, outChannels }, generator));
    if (inChannels !== outChannels) {
      const options = { inChannels, outChannels, kernelSize: 1, bias: false };
      this.#projection = this.addChild("projection", new ConvNorm(options, generator));
    }
  }

  forward(input: Tensor4D): Tensor4D {
    return tidy(() => {
      const pooled = this.#stride === 2 ? avgPool2(input) : input;
      const skip = this.#projection?.forward(pooled) ?? pooled;
      return activate(add(this.#second.forward(activate(this.#first.forward(input))), skip));
    });
  }
}
