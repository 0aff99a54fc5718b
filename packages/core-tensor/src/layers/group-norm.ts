import type { Tensor, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { constantTensor } from "../modules/initializers.ts";
import { Module } from "../modules/module.ts";
import { groupNorm, layerNorm } from "../ops/group-norm.ts";

export interface GroupNormLayerOptions {
  /** Default: the greatest common divisor of 32 and the channels, which is 32 for multiples of 32. */
  readonly groups?: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
  readonly activation?: "none" | "silu";
}

/** Group normalization of `[batch, height, width, channels]`, optionally followed by SiLU. */
export class GroupNorm extends Module {
  readonly weight: Variable;
  readonly bias: Variable;
  readonly groups: number;
  readonly epsilon: number;
  readonly #activation: "none" | "silu";

  constructor(channels: number, options: GroupNormLayerOptions = {}) {
    super();
    this.weight = this.addParameter("weight", constantTensor([channels], 1));
    this.bias = this.addParameter("bias", constantTensor([channels], 0));
    this.groups = options.groups ?? greatestCommonDivisor(32, channels);
    this.epsilon = options.epsilon ?? 1e-5;
    this.#activation = options.activation ?? "none";
  }

  /**
   * @param scale `[batch, channels]`, replaces the weight (for a scale that depends on the time embedding)
   * @param shift `[batch, channels]`, replaces the bias
   */
  forward(input: Tensor4D, scale: Tensor = this.weight, shift: Tensor = this.bias): Tensor4D {
    return groupNorm(input, scale, shift, { groups: this.groups, epsilon: this.epsilon, activation: this.#activation });
  }
}

/** Layer normalization over the last axis of `[…, channels]`. */
export class LayerNorm extends Module {
  readonly weight: Variable;
  readonly bias: Variable;
  readonly #epsilon: number;

  constructor(channels: number, { epsilon = 1e-5 }: { readonly epsilon?: number } = {}) {
    super();
    this.weight = this.addParameter("weight", constantTensor([channels], 1));
    this.bias = this.addParameter("bias", constantTensor([channels], 0));
    this.#epsilon = epsilon;
  }

  forward(input: Tensor): Tensor {
    return layerNorm(input, this.weight, this.bias, this.#epsilon);
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
