import { add, clipByValue, div, mean, mul, square, sub, type Tensor1D, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Generator } from "@hidiff/core-tensor/random";
import { type ScheduleOptions, scheduleBetas } from "./bernoulli-process.ts";
import type { DiffusionProcess, LossInputs, ReverseState, ReverseStep } from "./diffusion-process.ts";
import { cumulativeAlphas } from "./schedules.ts";
import { checkBetas, checkMasks, checkSteps, perItem, sameStep } from "./steps.ts";

/**
 * Gaussian diffusion of masks scaled to [−1, 1] (DDPM, Ho et al. 2020), for the ablation of the Bernoulli kernel. The
 * network predicts the Gaussian noise, so its output must not be squashed into [0, 1].
 *
 * @throws HidiffError `diffusion.schedule`, `diffusion.steps`, `diffusion.betas` for a schedule that is not possible
 */
export function createGaussianProcess(options: ScheduleOptions = {}): GaussianProcess {
  const betas = scheduleBetas(options);
  return new GaussianProcess(betas, betas.map((_, t) => t));
}

/** The Gaussian process. Masks are `[batch, height, width, classes]`, `y0` in [0, 1], the latent `yt` any real number. */
export class GaussianProcess implements DiffusionProcess {
  readonly kind = "gaussian" as const;
  readonly target = "epsilon" as const;
  readonly steps: number;
  readonly betas: readonly number[];
  readonly alphaBars: readonly number[];
  readonly originalSteps: readonly number[];

  constructor(betas: readonly number[], originalSteps: readonly number[]) {
    checkBetas("GaussianProcess", betas);
    this.steps = betas.length;
    this.betas = [...betas];
    this.alphaBars = cumulativeAlphas(betas);
    this.originalSteps = [...originalSteps];
    if (!(this.alphaBars.at(-1)! > 0)) {
      throw new HidiffError(
        "diffusion.betas",
        `GaussianProcess: the last ᾱ must be positive, since y0 is recovered from the noise by dividing by its root; got 0. Use "cosine".`,
      );
    }
  }

  /** `y_T ~ N(0, 1)`; of the prior only the shape matters, for it enters through the network alone. */
  start(prior: Tensor4D, generator: Generator): Tensor4D {
    return tensor4d(generator.normalArray(prior.size), prior.shape);
  }

  /** `y_t = √ᾱ_t·(2·y0 − 1) + √(1−ᾱ_t)·ε`, ε ~ N(0, 1) (Ho et al. eq. 4), without gradient. */
  qSample(y0: Tensor4D, _prior: Tensor4D, t: readonly number[], generator: Generator): Tensor4D {
    checkMasks("qSample", { y0 });
    checkSteps("qSample", t, y0.shape[0], this.steps);
    const masks = y0.dataSync();
    const itemSize = masks.length / Math.max(1, t.length);
    const values = Float32Array.from(masks, (mask, index) => {
      const alphaBar = this.alphaBars[t[Math.floor(index / itemSize)]!]!;
      return generator.normal(Math.sqrt(alphaBar) * (2 * mask - 1), Math.sqrt(1 - alphaBar));
    });
    return tensor4d(values, y0.shape);
  }

  /** The noise that leads from `y0` to `yt`. */
  noise(yt: Tensor4D, y0: Tensor4D, t: readonly number[]): Tensor4D {
    return tidy(() => {
      const signal = perItem(t, (step) => Math.sqrt(this.alphaBars[step]!));
      const spread = perItem(t, (step) => Math.sqrt(1 - this.alphaBars[step]!));
      return div(sub(yt, mul(signal, sub(mul(2, y0), 1))), spread) as Tensor4D;
    });
  }

  /** `(y_t − √(1−ᾱ_t)·epsHat)/√ᾱ_t`, scaled from [−1, 1] to [0, 1] and clamped to it. */
  y0Hat(yt: Tensor4D, prediction: Tensor4D, t: readonly number[]): Tensor4D {
    checkMasks("y0Hat", { yt, prediction });
    checkSteps("y0Hat", t, yt.shape[0], this.steps);
    return tidy(() => {
      const ofYt = perItem(t, (step) => 0.5 / Math.sqrt(this.alphaBars[step]!));
      const ofNoise = perItem(t, (step) => 0.5 * Math.sqrt(1 / this.alphaBars[step]! - 1));
      return clipByValue(add(sub(mul(ofYt, yt), mul(ofNoise, prediction)), 0.5), 0, 1) as Tensor4D;
    });
  }

  /** A sample of the posterior `q(y_{t−1} | y_t, y0Hat)` (Ho et al. eq. 6–7), variance β̃. */
  ancestralStep({ yt, y0Hat, t }: ReverseState, generator: Generator): ReverseStep {
    const { current, previous } = this.#alphaBars(t);
    const beta = this.betas[t]!;
    const ofY0 = (beta * Math.sqrt(previous)) / (1 - current);
    const ofYt = ((1 - previous) * Math.sqrt(1 - beta)) / (1 - current);
    const mean: Tensor4D = tidy(() => add(mul(ofY0, sub(mul(2, y0Hat), 1)), mul(ofYt, yt)));
    return { mean, sample: sampleNormal(mean, Math.sqrt((beta * (1 - previous)) / (1 - current)), generator) };
  }

  /** DDIM (Song et al. 2021, eq. 12 and 16). The noise is derived from the clamped `y0Hat`. */
  ddimStep({ yt, y0Hat, t }: ReverseState, eta: number, generator: Generator): ReverseStep {
    const { current, previous } = this.#alphaBars(t);
    const sigma = eta * Math.sqrt(((1 - previous) / (1 - current)) * (1 - current / previous));
    const ofNoise = Math.sqrt(1 - previous - sigma ** 2);
    const mean: Tensor4D = tidy(() => {
      const noise = this.noise(yt, y0Hat, sameStep(yt, t));
      return add(mul(Math.sqrt(previous), sub(mul(2, y0Hat), 1)), mul(ofNoise, noise));
    });
    return { mean, sample: sampleNormal(mean, sigma, generator) };
  }

  /** The mean squared error of the predicted noise (Ho et al. eq. 14) per item, `[batch]`. */
  loss({ yt, y0, prediction, t }: LossInputs): { readonly total: Tensor1D } {
    checkMasks("GaussianProcess.loss", { yt, y0, prediction });
    checkSteps("GaussianProcess.loss", t, yt.shape[0], this.steps);
    return tidy(() => ({ total: mean(square(sub(prediction, this.noise(yt, y0, t))), [1, 2, 3]) }));
  }

  withSteps(betas: readonly number[], originalSteps: readonly number[]): GaussianProcess {
    return new GaussianProcess(betas, originalSteps);
  }

  #alphaBars(t: number): { current: number; previous: number } {
    return { current: this.alphaBars[t]!, previous: t === 0 ? 1 : this.alphaBars[t - 1]! };
  }
}

/** One sample per mean, drawn on the host. */
function sampleNormal(mean: Tensor4D, standardDeviation: number, generator: Generator): Tensor4D {
  const values = Float32Array.from(mean.dataSync(), (center) => generator.normal(center, standardDeviation));
  return tensor4d(values, mean.shape);
}
