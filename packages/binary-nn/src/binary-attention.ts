import { matMul, max, mul, operation, scaledDotProductAttention, softmax, sub, sum, swapLast, type Tensor, tidy } from "@hidiff/core-tensor";
import { decide } from "./decisions.ts";
import type { Precision } from "./time-shift.ts";

/**
 * Binary attention weights: 1 where `score > 0.35·max over keys`, else 0; a tie gives 0. The gradient is that of the
 * softmax of the scores, `score = dot·scale`.
 *
 * The comparison is `20·dot > 7·max`, exact on the integer products of ±1 vectors.
 *
 * @param dots products of queries and keys, `[groups, queries, keys]`
 */
export function binaryAttentionWeights(dots: Tensor, scale: number): Tensor {
  return operation({
    inputs: { dots },
    forward: (save) => {
      save([dots]);
      const excess = sub(mul(dots, 20), mul(max(dots, -1, true), 7));
      return decide("attention", mul(excess, scale / 20));
    },
    backward: (gradient, [saved]) => ({
      dots: () =>
        tidy(() => {
          const weights = softmax(mul(saved!, scale));
          return mul(mul(weights, sub(gradient, sum(mul(gradient, weights), -1, true))), scale);
        }),
    }),
  });
}

/**
 * Attention on `[groups, tokens, width]`. Binary: query, key and value are ±1, the weights 0 or 1 (not normalized).
 * Real-valued: softmax attention.
 */
export function crossAttention(query: Tensor, key: Tensor, value: Tensor, precision: Precision): Tensor {
  if (precision === "real") return scaledDotProductAttention(query, key, value);
  const weights = binaryAttentionWeights(matMul(query, swapLast(key)), 1 / Math.sqrt(query.shape[2]!));
  return matMul(weights, value);
}
