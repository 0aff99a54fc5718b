import { add, mean, mul, neg, log, type Scalar, sub, clipByValue, type Tensor4D } from "@hidiff/core-tensor";
import { diceLoss } from "@hidiff/segmentors";

/**
 * `CE + λ_Dice·Dice` on probabilities, for the discriminative refiner of the ablation, whose head ends in a sigmoid:
 * the binary cross-entropy of every class.
 */
export function discriminativeLoss(probability: Tensor4D, y0: Tensor4D, diceWeight: number): Scalar {
  const clipped = clipByValue(probability, 1e-7, 1 - 1e-7);
  const crossEntropy = neg(mean(add(mul(y0, log(clipped)), mul(sub(1, y0), log(sub(1, clipped))))));
  return add(crossEntropy, mul(diceLoss(probability, y0), diceWeight)) as Scalar;
}
