import { abs, add, clipByValue, div, exp, log, maximum, mul, neg, sub, type Tensor } from "@hidiff/core-tensor";

/** Probabilities are kept this far from 0 and 1 in a logarithm, and quotients from 0, as published. */
const guard = 1e-7;

/**
 * The Kullback–Leibler divergence of Bernoulli distributions per element, in nats, guarded as published:
 * `m1·ln(max(m1/(m2 + 1e-7), 1e-7)) + (1 − m1)·ln(max((1 − m1)/(1 − m2 + 1e-7), 1e-7))`.
 *
 * @param mean1 mean of the first distribution, in [0, 1], any shape
 * @param mean2 mean of the second distribution, in [0, 1], the same shape
 */
export function bernoulliKl<T extends Tensor>(mean1: T, mean2: T): T {
  const term = (p: Tensor, q: Tensor): Tensor => mul(p, log(maximum(div(p, add(q, guard)), guard)));
  return add(term(mean1, mean2), term(sub(1, mean1), sub(1, mean2)));
}

/**
 * `−ln B(outcome; mean)` per element, in nats; the likelihood is clamped to [1e-7, 1 − 1e-7].
 *
 * @param outcome 0 or 1, any shape
 * @param mean in [0, 1], the same shape
 */
export function bernoulliNegativeLogLikelihood<T extends Tensor>(outcome: T, mean: T): T {
  return neg(log(bernoulliLikelihood(outcome, mean))) as T;
}

/**
 * The focal loss (Lin et al. 2017; HiDiff eq. 12) per element, in nats: `(1 − p)^γ·(−ln p)`, p the probability that
 * `mean` gives to `outcome`, clamped to [1e-7, 1 − 1e-7].
 *
 * @param outcome 0 or 1, any shape
 * @param mean in [0, 1], the same shape
 * @param gamma at least 0; with 0 it is the negative log-likelihood
 */
export function focalLoss<T extends Tensor>(outcome: T, mean: T, gamma: number = 2): T {
  const likelihood = bernoulliLikelihood(outcome, mean);
  const logLikelihood = log(likelihood);
  const focus = exp(mul(gamma, log(sub(1, likelihood))));
  return neg(mul(focus, logLikelihood)) as T;
}

/** `B(outcome; mean) = |1 − outcome − mean|` for outcomes 0 and 1: no cancellation near either end. */
function bernoulliLikelihood(outcome: Tensor, mean: Tensor): Tensor {
  return clipByValue(abs(sub(sub(1, outcome), mean)), guard, 1 - guard);
}
