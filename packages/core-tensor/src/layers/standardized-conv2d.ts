import { ones, reshape, type Tensor4D, tidy, type Variable, zeros } from "@tensorflow/tfjs-core";
import { kaimingUniform } from "../modules/initializers.ts";
import { Module } from "../modules/module.ts";
import { conv2d } from "../ops/conv2d.ts";
import { groupNorm } from "../ops/group-norm.ts";
import type { Generator } from "../random.ts";
import type { Conv2dLayerOptions } from "./conv2d.ts";

/** Added to the variance of a filter, as in the published code. */
const epsilon = 1e-5;

/**
 * A convolution without bias whose filters are standardized before use (Qiao et al. 2019): each output channel's weights
 * have mean 0 and variance 1. `[batch, height, width, inChannels]` → `[batch, height/stride, width/stride, outChannels]`.
 */
export class StandardizedConv2d extends Module {
  readonly weight: Variable;
  readonly #stride: number;
  readonly #padding: number;

  constructor(options: Omit<Conv2dLayerOptions, "bias" | "initialization">, generator: Generator) {
    super();
    const { inChannels, outChannels, kernelSize = 3, stride = 1 } = options;
    const shape = [kernelSize, kernelSize, inChannels, outChannels];
    const fanIn = kernelSize * kernelSize * inChannels;
    this.weight = this.addParameter("weight", kaimingUniform(shape, fanIn, generator), "convolution");
    this.#stride = stride;
    this.#padding = options.padding ?? (kernelSize % 2 === 1 ? (kernelSize - 1) / 2 : 0);
  }

  forward(input: Tensor4D): Tensor4D {
    return tidy(() => {
      const filter = standardizeFilter(this.weight as unknown as Tensor4D);
      return conv2d(input, filter, { stride: this.#stride, padding: this.#padding });
    });
  }
}

/**
 * A filter `[kernelHeight, kernelWidth, inChannels, outChannels]` with mean 0 and (biased) variance 1 over its first three
 * axes: a group normalization of one group per output channel, whose gradient it has.
 */
export function standardizeFilter(filter: Tensor4D): Tensor4D {
  const outChannels = filter.shape[3];
  return tidy(() => {
    const rows = reshape(filter, [1, filter.size / outChannels, 1, outChannels]) as Tensor4D;
    const normalized = groupNorm(rows, ones([outChannels]), zeros([outChannels]), { groups: outChannels, epsilon });
    return reshape(normalized, filter.shape);
  });
}
