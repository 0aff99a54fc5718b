import { add, type Tensor4D, type Variable } from "@tensorflow/tfjs-core";
import { biasUniform, constantTensor, kaimingUniform } from "../modules/initializers.ts";
import { Module } from "../modules/module.ts";
import { conv2d } from "../ops/conv2d.ts";
import { convTranspose2x2 } from "../ops/conv-transpose2x2.ts";
import type { Generator } from "../random.ts";

export interface Conv2dLayerOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Side of the square kernel. Default 3. */
  readonly kernelSize?: number;
  readonly stride?: number;
  /** Zeros on every side. Default (kernelSize − 1)/2 for odd kernels, which keeps the size, and 0 for even ones. */
  readonly padding?: number;
  readonly bias?: boolean;
  /** "kaiming" (PyTorch's default) or all zeros. Default "kaiming". */
  readonly initialization?: "kaiming" | "zero";
}

/** A float convolution: `[batch, height, width, inChannels]` → `[batch, height/stride, width/stride, outChannels]`. */
export class Conv2d extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly #stride: number;
  readonly #padding: number;

  constructor(options: Conv2dLayerOptions, generator: Generator) {
    super();
    const { inChannels, outChannels, kernelSize = 3, stride = 1, bias = true, initialization = "kaiming" } = options;
    const shape = [kernelSize, kernelSize, inChannels, outChannels];
    const fanIn = kernelSize * kernelSize * inChannels;
    const zero = initialization === "zero";
    this.weight = this.addParameter("weight", zero ? constantTensor(shape, 0) : kaimingUniform(shape, fanIn, generator), "convolution");
    this.bias = bias
      ? this.addParameter("bias", zero ? constantTensor([outChannels], 0) : biasUniform(outChannels, fanIn, generator))
      : undefined;
    this.#stride = stride;
    this.#padding = options.padding ?? (kernelSize % 2 === 1 ? (kernelSize - 1) / 2 : 0);
  }

  forward(input: Tensor4D): Tensor4D {
    const output = conv2d(input, this.weight as unknown as Tensor4D, { stride: this.#stride, padding: this.#padding });
    return this.bias === undefined ? output : add(output, this.bias);
  }
}

/** A transposed 2×2 convolution with stride 2: `[batch, height, width, inChannels]` → `[batch, 2·height, 2·width, outChannels]`. */
export class ConvTranspose2x2 extends Module {
  readonly weight: Variable;
  readonly bias: Variable;

  constructor({ inChannels, outChannels }: { inChannels: number; outChannels: number }, generator: Generator) {
    super();
    const fanIn = 4 * outChannels; // PyTorch's convention for transposed weights
    this.weight = this.addParameter(
      "weight",
      kaimingUniform([inChannels, 2, 2, outChannels], fanIn, generator),
      "transposedConvolution",
    );
    this.bias = this.addParameter("bias", biasUniform(outChannels, fanIn, generator));
  }

  forward(input: Tensor4D): Tensor4D {
    return add(convTranspose2x2(input, this.weight as unknown as Tensor4D), this.bias);
  }
}
