/**
 * Bernoulli diffusion of single pixels in float64, by probabilities of the two values and nothing else: what the tensors
 * are compared with.
 */

/** The probability that the next mask is 1, given the previous one (or the probability that it is 1): HiDiff eq. 4. */
export function forwardStep(previous: number, prior: number, beta: number): number {
  return (1 - beta) * previous + beta * prior;
}

/** The probability that `y_t` is 1, by going through the chain step by step; `t` = −1 gives `y0`. */
export function forwardChain(y0: number, prior: number, betas: readonly number[], t: number): number {
  return betas.slice(0, t + 1).reduce((probability, beta) => forwardStep(probability, prior, beta), y0);
}

/** The probability that `y_{t−1}` is 1, given `y_t`, `y0` and the prior: Bayes' rule over both values of `y_{t−1}`. */
export function posterior(yt: number, y0: number, prior: number, betas: readonly number[], t: number): number {
  const before = forwardChain(y0, prior, betas, t - 1);
  const joint = [0, 1].map((previous) => {
    const next = forwardStep(previous, prior, betas[t]!);
    return (previous === 1 ? before : 1 - before) * (yt === 1 ? next : 1 - next);
  });
  return joint[1]! / (joint[0]! + joint[1]!);
}

/** KL(B(p) ‖ B(q)) in nats, 0·ln 0 = 0. */
export function divergence(p: number, q: number): number {
  const term = (a: number, b: number): number => (a === 0 ? 0 : a * Math.log(a / b));
  return term(p, q) + term(1 - p, 1 - q);
}

/** −ln of the probability of the outcome 0 or 1. */
export function surprise(outcome: number, mean: number): number {
  return -Math.log(outcome === 1 ? mean : 1 - mean);
}

export interface PixelLoss {
  readonly kl: number;
  readonly focal: number;
  readonly total: number;
}

/** L_diff of one item's pixels in bits, for prediction target epsilon. */
export function itemLoss(
  pixels: readonly { yt: number; y0: number; prior: number; epsHat: number }[],
  t: number,
  betas: readonly number[],
  { focalWeight = 1, gamma = 2 }: { focalWeight?: number; gamma?: number } = {},
): PixelLoss {
  let kl = 0;
  let focal = 0;
  for (const { yt, y0, prior, epsHat } of pixels) {
    const y0Hat = Math.abs(yt - epsHat);
    kl += t === 0 ? surprise(y0, y0Hat) : divergence(posterior(yt, y0, prior, betas, t), posterior(yt, y0Hat, prior, betas, t));
    const entropy = surprise(yt === y0 ? 0 : 1, epsHat);
    focal += (1 - Math.exp(-entropy)) ** gamma * entropy;
  }
  const bits = pixels.length * Math.LN2;
  return { kl: kl / bits, focal: focal / bits, total: (kl + focalWeight * focal) / bits };
}

/** Five standard deviations of the mean of `count` samples with the given variance: exceeded once in two million draws. */
export function fiveSigma(variance: number, count: number): number {
  return 5 * Math.sqrt(variance / count);
}
