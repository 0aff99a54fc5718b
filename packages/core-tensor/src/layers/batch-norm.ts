import { add, mul, type Tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { constantTensor } from "../modules/initializers.ts";
import { type Mode, Module } from "../modules/module.ts";
import { batchNormInference, batchNormTraining } from "../ops/batch-norm.ts";

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Weight of the newest batch in the running statistics (PyTorch's convention). Default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalization over all axes but the last of `[…, channels]`.
 *
 * In training mode it uses the batch's mean and biased variance and moves the running statistics (with the unbiased
 * variance) by `momentum`; in evaluation mode it uses the running statistics and leaves them alone.
 */
export class BatchNorm extends Module {
  readonly weight: Variable;
  readonly bias: Variable;
  readonly runningMean: Variable;
  readonly runningVariance: Variable;
  readonly #epsilon: number;
  readonly #momentum: number;

  constructor(channels: number, { epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions = {}) {
    super();
    this.weight = this.addParameter("weight", constantTensor([channels], 1));
    this.bias = this.addParameter("bias", constantTensor([channels], 0));
    this.runningMean = this.addBuffer("runningMean", constantTensor([channels], 0));
    this.runningVariance = this.addBuffer("runningVariance", constantTensor([channels], 1));
    this.#epsilon = epsilon;
    this.#momentum = momentum;
  }

  forward<T extends Tensor>(input: T, mode: Mode): T {
    if (!mode.training) {
      const statistics = { mean: this.runningMean, variance: this.runningVariance };
      return batchNormInference(input, statistics, this.weight, this.bias, this.#epsilon);
    }
    const { output, mean, variance } = batchNormTraining(input, this.weight, this.bias, this.#epsilon);
    const count = input.size / this.weight.size;
    this.#move(this.runningMean, mean, 1);
    this.#move(this.runningVariance, variance, count / Math.max(count - 1, 1));
    return output;
  }

  #move(running: Variable, batch: Tensor, correction: number): void {
    tidy(() => running.assign(add(mul(running, 1 - this.#momentum), mul(batch, this.#momentum * correction))));
  }
}
