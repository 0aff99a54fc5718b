import { add, constantTensor, type Generator, kaimingUniform, matMul, Module, reshape, type Tensor, type Variable } from "@hidiff/core-tensor";
import { binarizeWeights } from "./binary-weights.ts";
import type { Precision } from "./time-shift.ts";

export interface BinaryLinearOptions {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly precision: Precision;
}

/**
 * A linear map with binary weights, centred per output before their sign is taken. Real-valued: an ordinary linear map.
 */
export class BinaryLinear extends Module {
  readonly weight: Variable;
  readonly bias: Variable;
  readonly #precision: Precision;

  constructor({ inFeatures, outFeatures, precision }: BinaryLinearOptions, generator: Generator) {
    super();
    this.weight = this.addParameter("weight", kaimingUniform([inFeatures, outFeatures], inFeatures, generator), "linear");
    this.bias = this.addParameter("bias", constantTensor([outFeatures], 0));
    this.#precision = precision;
  }

  /** `[…, inFeatures]`, ±1 if binary → `[…, outFeatures]` */
  forward(input: Tensor): Tensor {
    const [inFeatures, outFeatures] = this.weight.shape as [number, number];
    const matrix = this.#precision === "binary" ? binarizeWeights(this.weight, { centred: true }) : this.weight;
    const product = matMul(reshape(input, [-1, inFeatures]), matrix);
    return add(reshape(product, [...input.shape.slice(0, -1), outFeatures]), this.bias);
  }
}
