import { add, mean, mul, sub, type Tensor, type Tensor1D, tensor1d, tidy } from "@hidiff/core-tensor";
import type { BernoulliProcess } from "./bernoulli-process.ts";
import type { LossInputs } from "./diffusion-process.ts";
import { bernoulliKl, bernoulliNegativeLogLikelihood, focalLoss } from "./losses.ts";
import { checkMasks, checkSteps } from "./steps.ts";

/** Losses of each batch item in bits, `[batch]`. */
export type BernoulliLossTerms = { readonly kl: Tensor1D; readonly focal: Tensor1D; readonly total: Tensor1D };

/**
 * `L_diff = L_KL + λ_Focal·L_Focal` (HiDiff eq. 10–13) per batch item, in bits, a mean over the other axes. One
 * prediction of the network serves both terms.
 *
 * - `kl`: for t > 0 the divergence of the calibrated reverse distribution from the true posterior; for t = 0 the negative
 *   log-likelihood of `y0`.
 * - `focal`: of the prediction against what it should have been: the noise |y_t − y_0|, or `y0` by the process's target.
 *
 * The gradient flows through `prediction` and `prior`; `yt` and `y0` are constants.
 *
 * @throws HidiffError `diffusion.shape`, `diffusion.step` for inputs that do not fit together
 */
export function diffusionLoss(process: BernoulliProcess, inputs: LossInputs): BernoulliLossTerms {
  const { yt, y0, prior, prediction, t, focalWeight = 1, gamma = 2 } = inputs;
  checkMasks("diffusionLoss", { yt, y0, prior, prediction });
  checkSteps("diffusionLoss", t, yt.shape[0], process.steps);
  return tidy(() => {
    const kl = variationalBound(process, inputs);
    const truth = process.target === "epsilon" ? process.noise(yt, y0) : y0;
    const focal = meanInBits(focalLoss(truth, prediction, gamma));
    const total = focalWeight === 0 ? kl : add(kl, mul(focal, focalWeight));
    return { kl, focal, total: total as Tensor1D };
  });
}

/** The term of the variational bound that belongs to step t, in bits, `[batch]`. */
function variationalBound(process: BernoulliProcess, { yt, y0, prior, prediction, t }: LossInputs): Tensor1D {
  const y0Hat = process.y0Hat(yt, prediction);
  const likelihoodTerm = (): Tensor1D => meanInBits(bernoulliNegativeLogLikelihood(y0, y0Hat));
  if (t.every((step) => step === 0)) return likelihoodTerm();
  const posterior = process.posterior(yt, prior, t);
  const divergence = meanInBits(bernoulliKl(posterior(y0), posterior(y0Hat)));
  if (t.every((step) => step > 0)) return divergence;
  const isFirst = tensor1d(t.map((step) => (step === 0 ? 1 : 0)));
  return add(mul(isFirst, likelihoodTerm()), mul(sub(1, isFirst), divergence));
}

/** `[batch, height, width, classes]` in nats → `[batch]` in bits. */
function meanInBits(nats: Tensor): Tensor1D {
  return mul(mean(nats, [1, 2, 3]), 1 / Math.LN2);
}
