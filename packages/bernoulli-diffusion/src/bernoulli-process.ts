import { abs, add, clipByValue, div, log, mul, sub, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import type { Generator } from "@hidiff/core-tensor/random";
import { type BernoulliLossTerms, diffusionLoss } from "./diffusion-loss.ts";
import type { DiffusionProcess, LossInputs, PredictionTarget, ReverseState, ReverseStep } from "./diffusion-process.ts";
import { createSchedule, cumulativeAlphas, type ScheduleName } from "./schedules.ts";
import { checkBetas, checkMasks, checkSteps, perItem, sameStep } from "./steps.ts";

/** In a posterior the prior is kept this far from 0 and 1. See {@link BernoulliProcess.posterior}. */
const priorMargin = 1e-7;
const logOddsMargin = 1e-3;

/** Either a named schedule and a number of steps (default: `"cosine"`, 10), or the betas themselves. */
export type ScheduleOptions =
  | { readonly schedule?: ScheduleName | undefined; readonly steps?: number | undefined; readonly betas?: undefined }
  | { readonly betas: readonly number[]; readonly schedule?: undefined; readonly steps?: undefined };

export type BernoulliProcessOptions = ScheduleOptions & {
  /** What the network predicts. Default: `"epsilon"`, the noise. */
  readonly target?: PredictionTarget | undefined;
};

/**
 * Bernoulli diffusion of masks towards a prior mask (HiDiff, section III-B).
 *
 * @throws HidiffError `diffusion.schedule`, `diffusion.steps`, `diffusion.betas` for a schedule that is not possible
 */
export function createBernoulliProcess(options: BernoulliProcessOptions = {}): BernoulliProcess {
  const betas = scheduleBetas(options);
  return new BernoulliProcess(betas, { target: options.target ?? "epsilon", originalSteps: betas.map((_, t) => t) });
}

/** The betas that the options name. */
export function scheduleBetas({ schedule = "cosine", steps = 10, betas }: ScheduleOptions): readonly number[] {
  return betas ?? createSchedule(schedule, steps);
}

/**
 * The Bernoulli process. Symbols are the paper's: `y0` the true mask, `yt` the latent mask, both 0 or 1; `prior` = f(x) the
 * segmentor's probability; `t` one step index 0 … steps − 1 per batch item. All masks are `[batch, height, width, classes]`;
 * each class is a diffusion of its own.
 */
export class BernoulliProcess implements DiffusionProcess {
  readonly kind = "bernoulli" as const;
  readonly target: PredictionTarget;
  readonly steps: number;
  readonly betas: readonly number[];
  readonly alphaBars: readonly number[];
  readonly originalSteps: readonly number[];

  constructor(
    betas: readonly number[],
    { target, originalSteps }: { readonly target: PredictionTarget; readonly originalSteps: readonly number[] },
  ) {
    checkBetas("BernoulliProcess", betas);
    this.target = target;
    this.steps = betas.length;
    this.betas = [...betas];
    this.alphaBars = cumulativeAlphas(betas);
    this.originalSteps = [...originalSteps];
  }

  /** `y_T ~ B(prior)` (eq. 8). */
  start(prior: Tensor4D, generator: Generator): Tensor4D {
    return sampleBernoulli(prior, generator);
  }

  /** The mean of `q(y_t | y_0, f(x))`: `ᾱ_t·y0 + (1 − ᾱ_t)·prior` (eq. 5). */
  qMean(y0: Tensor4D, prior: Tensor4D, t: readonly number[]): Tensor4D {
    this.#check("qMean", { y0, prior }, t);
    return tidy(() => {
      const kept = perItem(t, (step) => this.alphaBars[step]!);
      const replaced = perItem(t, (step) => 1 - this.alphaBars[step]!);
      return add(mul(kept, y0), mul(replaced, prior)) as Tensor4D;
    });
  }

  /**
   * `y_t ~ B(qMean)`, without gradient. The mean is computed in float64 on the host, so a seed gives the same sample on
   * every backend.
   */
  qSample(y0: Tensor4D, prior: Tensor4D, t: readonly number[], generator: Generator): Tensor4D {
    this.#check("qSample", { y0, prior }, t);
    const masks = y0.dataSync();
    const priors = prior.dataSync();
    const itemSize = masks.length / Math.max(1, t.length);
    const means = Float64Array.from(masks, (mask, index) => {
      const kept = this.alphaBars[t[Math.floor(index / itemSize)]!]!;
      return kept * mask + (1 - kept) * priors[index]!;
    });
    return tensor4d(generator.bernoulliArray(means), y0.shape);
  }

  /** The noise that leads from `y0` to `yt`: `ε = |y_t − y_0|` (eq. 6). */
  noise(yt: Tensor4D, y0: Tensor4D): Tensor4D {
    return tidy(() => abs(sub(yt, y0)) as Tensor4D);
  }

  /**
   * The mean of the posterior `q(y_{t−1} | y_t, y_0, f(x))` (eq. 7), `θ1/(θ0 + θ1)`; at t = 0 it is `y0`. `y0` may be a
   * probability, such as `y0Hat`.
   */
  posteriorMean(yt: Tensor4D, y0: Tensor4D, prior: Tensor4D, t: readonly number[]): Tensor4D {
    this.#check("posteriorMean", { yt, y0, prior }, t);
    return tidy(() => this.posterior(yt, prior, t)(y0));
  }

  /**
   * The posterior mean as a function of `y0`: what two posteriors on one `yt` have in common is computed once. Call it
   * in a `tidy`.
   *
   * The quotient needs no further guard: the prior is kept within [1e-7, 1 − 1e-7], the factors of θ0 and θ1 that depend
   * on `y0` add up to 1, and the others are at least `β_t·min(prior, 1 − prior)`, so that θ0 + θ1 ≥ β_t·1e-7. A prior of 0
   * or 1 counts as one at that margin. Items at t = 0 are computed with ᾱ_0 in place of ᾱ_{−1}, finite, and then replaced.
   */
  posterior(yt: Tensor4D, prior: Tensor4D, t: readonly number[]): (y0: Tensor4D) => Tensor4D {
    if (t.every((step) => step === 0)) return (y0) => y0.clone();
    const previous = (step: number): number => this.alphaBars[Math.max(0, step - 1)]!;
    const alpha = perItem(t, (step) => 1 - this.betas[step]!);
    const beta = perItem(t, (step) => this.betas[step]!);
    const kept = perItem(t, previous);
    const replaced = perItem(t, (step) => 1 - previous(step));
    const softPrior = clipByValue(prior, priorMargin, 1 - priorMargin);
    const notYt = sub(1, yt);
    const replacement = mul(beta, abs(sub(notYt, softPrior)));
    const from1 = add(mul(alpha, yt), replacement); // q(y_t | y_{t−1} = 1)
    const from0 = add(mul(alpha, notYt), replacement);
    const prior1 = mul(replaced, softPrior);
    const prior0 = mul(replaced, sub(1, softPrior));
    const isFirst = t.includes(0) ? perItem(t, (step) => (step === 0 ? 1 : 0)) : undefined;
    return (y0) => {
      const theta1 = mul(from1, add(mul(kept, y0), prior1));
      const theta0 = mul(from0, add(mul(kept, sub(1, y0)), prior0));
      const mean: Tensor4D = div(theta1, add(theta0, theta1));
      return isFirst === undefined ? mean : add(mul(isFirst, y0), mul(sub(1, isFirst), mean));
    };
  }

  /**
   * What `y_t` and the prior alone say of `y_0`, pixel by pixel, without the image: the log odds of `y_0 = 1` by Bayes'
   * rule on eq. 5, `ln P(y_0 = 1)·q(y_t | 1) − ln P(y_0 = 0)·q(y_t | 0)` with `P(y_0 = 1) = prior`. A network that adds
   * what the image says starts from a calibrated chain.
   *
   * The prior is kept within [1e-3, 1 − 1e-3], so that an overconfident one can still be corrected.
   */
  logOdds(yt: Tensor4D, prior: Tensor4D, t: readonly number[]): Tensor4D {
    this.#check("logOdds", { yt, prior }, t);
    return tidy(() => {
      const kept = perItem(t, (step) => this.alphaBars[step]!);
      const replaced = perItem(t, (step) => 1 - this.alphaBars[step]!);
      const one = clipByValue(prior, logOddsMargin, 1 - logOddsMargin);
      const zero = sub(1, one);
      // y_t = 1 speaks for y_0 = 1 with ᾱ + (1 − ᾱ)·prior against (1 − ᾱ)·prior, and y_t = 0 the other way round.
      const [drawnOne, drawnZero] = [mul(replaced, one), mul(replaced, zero)];
      const ifSet = sub(log(add(kept, drawnOne)), log(drawnZero));
      const ifUnset = sub(log(drawnOne), log(add(kept, drawnZero)));
      return add(mul(yt, ifSet), mul(sub(1, yt), ifUnset)) as Tensor4D;
    });
  }

  /**
   * The first half of the calibration F_C (eq. 9): the mask that the prediction implies, `|y_t − epsHat|`, or the
   * prediction itself if the target is `"y0"`; clamped to [0, 1].
   */
  y0Hat(yt: Tensor4D, prediction: Tensor4D): Tensor4D {
    return tidy(() => clipByValue(this.target === "epsilon" ? this.noise(yt, prediction) : prediction, 0, 1));
  }

  /** The calibration F_C (eq. 9): `y0Hat`, and the mean of `p(y_{t−1} | y_t, f(x))`, which at t = 0 is `y0Hat`. */
  pMean(yt: Tensor4D, prediction: Tensor4D, prior: Tensor4D, t: readonly number[]): { mean: Tensor4D; y0Hat: Tensor4D } {
    const y0Hat = this.y0Hat(yt, prediction);
    return { mean: this.posteriorMean(yt, y0Hat, prior, t), y0Hat };
  }

  /**
   * The mean of DDIM's `y_{t−1}`: `σ·y_t + (ᾱ_{t−1} − σ·ᾱ_t)·y0Hat + ((1−ᾱ_{t−1}) − σ(1−ᾱ_t))·prior` with
   * `σ = eta·(1−ᾱ_{t−1})/(1−ᾱ_t)`; a convex combination for `eta` in [0, 1], and at t = 0 `y0Hat`. The larger `eta`, the
   * more of `y_t` is kept.
   */
  ddimMean(yt: Tensor4D, y0Hat: Tensor4D, prior: Tensor4D, t: readonly number[], eta: number = 1): Tensor4D {
    this.#check("ddimMean", { yt, y0Hat, prior }, t);
    const current = (step: number): number => this.alphaBars[step]!;
    const previous = (step: number): number => (step === 0 ? 1 : this.alphaBars[step - 1]!);
    const sigma = (step: number): number => (eta * (1 - previous(step))) / (1 - current(step));
    return tidy(() => {
      const ofYt = perItem(t, sigma);
      const ofY0 = perItem(t, (step) => previous(step) - sigma(step) * current(step));
      const ofPrior = perItem(t, (step) => 1 - previous(step) - sigma(step) * (1 - current(step)));
      return add(add(mul(ofYt, yt), mul(ofY0, y0Hat)), mul(ofPrior, prior)) as Tensor4D;
    });
  }

  /** `y_{t−1} ~ B(posteriorMean(yt, y0Hat, prior, t))` (eq. 8). */
  ancestralStep({ yt, y0Hat, prior, t }: ReverseState, generator: Generator): ReverseStep {
    const mean = this.posteriorMean(yt, y0Hat, prior, sameStep(yt, t));
    return { mean, sample: sampleBernoulli(mean, generator) };
  }

  /** `y_{t−1} ~ B(ddimMean(yt, y0Hat, prior, t, eta))`. */
  ddimStep({ yt, y0Hat, prior, t }: ReverseState, eta: number, generator: Generator): ReverseStep {
    const mean = this.ddimMean(yt, y0Hat, prior, sameStep(yt, t), eta);
    return { mean, sample: sampleBernoulli(mean, generator) };
  }

  /** {@link diffusionLoss}. */
  loss(inputs: LossInputs): BernoulliLossTerms {
    return diffusionLoss(this, inputs);
  }

  withSteps(betas: readonly number[], originalSteps: readonly number[]): BernoulliProcess {
    return new BernoulliProcess(betas, { target: this.target, originalSteps });
  }

  #check(operation: string, masks: Readonly<Record<string, Tensor4D>>, t: readonly number[]): void {
    checkMasks(operation, masks);
    checkSteps(operation, t, Object.values(masks)[0]!.shape[0], this.steps);
  }
}

/** One sample of 0 or 1 per mean, drawn on the host. */
function sampleBernoulli(mean: Tensor4D, generator: Generator): Tensor4D {
  return tensor4d(generator.bernoulliArray(mean.dataSync()), mean.shape);
}
