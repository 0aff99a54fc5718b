import {
  add,
  div,
  HidiffError,
  logSoftmax,
  mean,
  mul,
  neg,
  type Scalar,
  softplus,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";
import { prior } from "./segmentor.ts";

/** Keeps the Dice loss of a class that occurs neither in truth nor in prediction at 0 (the method, section 3). */
const diceSmoothing = 1e-5;

/**
 * Cross-entropy in nats, the mean over all pixels of the batch: binary cross-entropy for one class, else that of the
 * softmax over the classes.
 *
 * @param logits `[batch, height, width, classes]`
 * @param y0 truth in [0, 1], of the same shape; one-hot over the classes
 * @throws HidiffError `loss.shape`
 */
export function crossEntropyLoss(logits: Tensor4D, y0: Tensor4D): Scalar {
  requireSameShape("crossEntropyLoss", logits, y0);
  return tidy(() => {
    if (logits.shape[3] === 1) return mean(sub(softplus(logits), mul(logits, y0))) as Scalar;
    return neg(mean(sum(mul(y0, logSoftmax(logits)), 3))) as Scalar;
  });
}

/**
 * Dice loss `1 − (2Σpq + s)/(Σp² + Σq² + s)` with s = 1e-5, in [0, 1]: sums over the pixels of each item and class, then
 * the mean over items and classes, background included (the method, section 3). A mean over items, so that gradients of
 * parts of a batch add up to that of the whole.
 *
 * @param probabilities `[batch, height, width, classes]`, in [0, 1]; see {@link prior}
 * @param y0 truth in [0, 1], of the same shape; one-hot over the classes
 * @throws HidiffError `loss.shape`
 */
export function diceLoss(probabilities: Tensor4D, y0: Tensor4D): Scalar {
  requireSameShape("diceLoss", probabilities, y0);
  return tidy(() => {
    const perClass = (values: Tensor): Tensor => sum(values, [1, 2]);
    const overlap = perClass(mul(probabilities, y0));
    const total = add(perClass(square(probabilities)), perClass(square(y0)));
    const dice = div(add(mul(overlap, 2), diceSmoothing), add(total, diceSmoothing));
    return sub(1, mean(dice)) as Scalar;
  });
}

export interface SegmentationLossInputs {
  /** `[batch, height, width, classes]` */
  readonly logits: Tensor4D;
  /** Truth in {0, 1}, of the same shape; one-hot over the classes. */
  readonly y0: Tensor4D;
  /** Weight of the Dice loss, λ_Dice. Default 1. */
  readonly diceWeight?: number;
  /** Logits at strides 2, 4, 8, …: see `SegmentorOutput`. */
  readonly deepSupervision?: readonly Tensor4D[] | undefined;
}

/** The loss of a segmentor on its own, `CE + λ_Dice·Dice` (the method, section 3). */
export function segmentationLoss({ logits, y0, diceWeight = 1 }: SegmentationLossInputs): Scalar {
  return tidy(() => add(crossEntropyLoss(logits, y0), mul(diceLoss(prior(logits), y0), diceWeight)));
}

function requireSameShape(name: string, prediction: Tensor, y0: Tensor): void {
  if (prediction.rank !== 4 || prediction.shape.some((size, axis) => size !== y0.shape[axis]) || prediction.size === 0) {
    throw new HidiffError(
      "loss.shape",
      `${name}: expected two tensors of one non-empty shape [batch, height, width, classes], ` +
        `got [${prediction.shape}] and [${y0.shape}]; make label maps one-hot first.`,
    );
  }
}
