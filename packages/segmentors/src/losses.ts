import {
  add,
  addN,
  div,
  HidiffError,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  type Scalar,
  slice,
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
  /** Logits at strides 2, 4, 8, …, the finest first: see `SegmentorOutput`. Default none. */
  readonly deepSupervision?: readonly Tensor4D[] | undefined;
}

/**
 * The loss of a segmentor on its own, `CE + λ_Dice·Dice` (the method, section 3).
 *
 * With deep supervision, it is the mean of such losses at all strides, weighted by 1, 1/2, 1/4, … from the finest on, but by 0
 * at the coarsest (as in nnU-Net, Isensee et al. 2021); the truth at a stride is that of the pixels nearest to its centres.
 *
 * @throws HidiffError `loss.shape`
 */
export function segmentationLoss({ logits, y0, diceWeight = 1, deepSupervision = [] }: SegmentationLossInputs): Scalar {
  const lossOf = (prediction: Tensor4D, truth: Tensor4D): Scalar =>
    add(crossEntropyLoss(prediction, truth), mul(diceLoss(prior(prediction), truth), diceWeight));
  return tidy(() => {
    const finest = lossOf(logits, y0);
    const weighted = deepSupervision.slice(0, -1).map((prediction, index) => {
      const stride = 2 ** (index + 1);
      return mul(lossOf(prediction, nearestTruth(y0, stride)), 1 / stride) as Scalar;
    });
    if (weighted.length === 0) return finest;
    const totalWeight = 2 - 1 / 2 ** weighted.length; // 1 + 1/2 + 1/4 + …
    return mul(addN([finest, ...weighted]), 1 / totalWeight) as Scalar;
  });
}

/**
 * Truth `[batch, height, width, classes]` at `[batch, height/stride, width/stride, classes]`, by the nearest pixel: of each
 * stride × stride square the one at its centre, below and to the right of the exact centre (PyTorch's "nearest-exact").
 */
function nearestTruth(y0: Tensor4D, stride: number): Tensor4D {
  const [batch, height, width, classes] = y0.shape;
  if (height % stride !== 0 || width % stride !== 0) {
    throw new HidiffError(
      "loss.shape",
      `segmentationLoss: expected a truth with sides that are multiples of ${stride} for logits at that stride, got [${y0.shape}].`,
    );
  }
  const centre = stride / 2;
  // A strided slice is slices of inner axes, row by row and pixel by pixel.
  const rows = slice(reshape(y0, [-1, stride * width * classes]), [0, centre * width * classes], [-1, width * classes]);
  const pixels = slice(reshape(rows, [-1, stride * classes]), [0, centre * classes], [-1, classes]);
  return reshape(pixels, [batch, height / stride, width / stride, classes]);
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
