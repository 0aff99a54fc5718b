import { add, reshape, type Tensor, type Variable } from "@tensorflow/tfjs-core";
import { biasUniform, constantTensor, kaimingUniform } from "../modules/initializers.ts";
import { Module } from "../modules/module.ts";
import { matMul } from "../ops/matmul.ts";
import type { Generator } from "../random.ts";

export interface LinearOptions {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias?: boolean;
  /** "kaiming" (PyTorch's default) or all zeros. Default "kaiming". */
  readonly initialization?: "kaiming" | "zero";
}

/** An affine map of the last axis: `[…, inFeatures]` → `[…, outFeatures]`. */
export class Linear extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;

  constructor({ inFeatures, outFeatures, bias = true, initialization = "kaiming" }: LinearOptions, generator: Generator) {
    super();
    const zero = initialization === "zero";
    const shape = [inFeatures, outFeatures];
    this.weight = this.addParameter("weight", zero ? constantTensor(shape, 0) : kaimingUniform(shape, inFeatures, generator), "linear");
    this.bias = bias
      ? this.addParameter("bias", zero ? constantTensor([outFeatures], 0) : biasUniform(outFeatures, inFeatures, generator))
      : undefined;
  }

  forward(input: Tensor): Tensor {
    const [inFeatures, outFeatures] = this.weight.shape as [number, number];
    const product = matMul(reshape(input, [-1, inFeatures]), this.weight);
    const output = reshape(product, [...input.shape.slice(0, -1), outFeatures]);
    return this.bias === undefined ? output : add(output, this.bias);
  }
}
