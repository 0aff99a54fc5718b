import { type Scalar, type Tensor, tidy, variableGrads } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import type { NamedParameter } from "../modules/module.ts";

/** Gradients in the host's memory, one array per parameter, in the parameters' order. */
export type Gradients = Float32Array[];

/**
 * The value of `loss` and its gradient with respect to each of `parameters` (zero where it does not depend on one).
 *
 * @param loss computes a scalar; everything else that it makes is disposed
 */
export function valueAndGradients(loss: () => Scalar, parameters: readonly NamedParameter[]): { value: number; gradients: Gradients } {
  let value = 0;
  let gradients: Gradients = [];
  // `tidy` searches what it returns for tensors, element by element even in a Float32Array: so nothing is returned.
  tidy(() => {
    const result = variableGrads(
      loss,
      parameters.map(({ variable }) => variable),
    );
    gradients = parameters.map(({ variable }) => {
      const gradient: Tensor | undefined = result.grads[variable.name];
      return gradient == null ? new Float32Array(variable.size) : Float32Array.from(gradient.dataSync());
    });
    value = result.value.dataSync()[0]!;
  });
  return { value, gradients };
}

/**
 * Adds up gradients of micro-batches, weighted by their share of the batch: the result is the gradient of one batch
 * (for networks without batch statistics; batch normalization sees the micro-batch).
 */
export class GradientAccumulator {
  #sum: Gradients | undefined;

  /** @param weight the micro-batch's share of the batch, in (0, 1] */
  add(gradients: Gradients, weight: number): void {
    this.#sum ??= gradients.map((gradient) => new Float32Array(gradient.length));
    this.#sum.forEach((sum, index) => {
      const gradient = gradients[index]!;
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + weight * gradient[i]!;
    });
  }

  /** The sum, which is then forgotten. */
  take(): Gradients {
    if (this.#sum === undefined) throw new HidiffError("gradients.empty", "GradientAccumulator.take: no gradient was added.");
    const sum = this.#sum;
    this.#sum = undefined;
    return sum;
  }
}

/** The Euclidean norm over all gradients. */
export function gradientNorm(gradients: Gradients): number {
  let squares = 0;
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  return Math.sqrt(squares);
}

/** Scales gradients in place so that their norm is at most `limit`; returns the norm before. */
export function clipGradientNorm(gradients: Gradients, limit: number): number {
  const norm = gradientNorm(gradients);
  if (norm > limit) {
    const factor = limit / (norm + 1e-6);
    for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) gradient[i] = gradient[i]! * factor;
  }
  return norm;
}
