import { add, constantTensor, conv2d, type Generator, kaimingUniform, Module, type Tensor4D, type Variable } from "@hidiff/core-tensor";
import { binarizeWeights } from "./binary-weights.ts";
import type { Precision } from "./time-shift.ts";

export interface BinaryConv2dOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** 1 or 2. Default 1. */
  readonly stride?: number;
  readonly precision: Precision;
}

/**
 * A 3×3 convolution with weights of one sign-and-scale per output channel: on ±1 activations it is
 * `scale·(K − 2·popcount(w ⊕ a))` (HiDiff eq. 14). Zeros are padded after binarization, so that padded taps contribute 0.
 * Real-valued: an ordinary convolution.
 */
export class BinaryConv2d extends Module {
  readonly weight: Variable;
  readonly bias: Variable;
  readonly #stride: number;
  readonly #precision: Precision;

  constructor({ inChannels, outChannels, stride = 1, precision }: BinaryConv2dOptions, generator: Generator) {
    super();
    this.weight = this.addParameter("weight", kaimingUniform([3, 3, inChannels, outChannels], 9 * inChannels, generator), "convolution");
    this.bias = this.addParameter("bias", constantTensor([outChannels], 0));
    this.#stride = stride;
    this.#precision = precision;
  }

  /** `[batch, height, width, inChannels]`, ±1 if binary → `[batch, height/stride, width/stride, outChannels]` */
  forward(input: Tensor4D): Tensor4D {
    const real = this.weight as unknown as Tensor4D;
    const filter = this.#precision === "binary" ? binarizeWeights(real, { centred: false }) : real;
    return add(conv2d(input, filter, { stride: this.#stride, padding: 1 }), this.bias);
  }
}
