import type { Tensor1D, Tensor4D } from "@hidiff/core-tensor";
import type { Generator } from "@hidiff/core-tensor/random";

/** What the network predicts: the noise (`epsHat`) or the mask itself (`y0Hat`). */
export type PredictionTarget = "epsilon" | "y0";

/** The inputs of a training loss. Masks are `[batch, height, width, classes]`. */
export interface LossInputs {
  /** The latent mask at step t, from `qSample`; treated as a constant. */
  readonly yt: Tensor4D;
  /** The true mask, 0 or 1. */
  readonly y0: Tensor4D;
  /** The segmentor's probability f(x), in [0, 1]. */
  readonly prior: Tensor4D;
  /** The network's output at step t, by the process's `target`. */
  readonly prediction: Tensor4D;
  /** One step index in 0 … steps − 1 per batch item. */
  readonly t: readonly number[];
  /** λ_Focal, the weight of the focal term (Bernoulli kernel only); 0 leaves it out. Default 1. */
  readonly focalWeight?: number | undefined;
  /** γ of the focal term, at least 0. Default 2. */
  readonly gamma?: number | undefined;
}

/** Losses of each batch item, `[batch]`: their `total` and the terms it is made of. */
export type LossTerms = { readonly total: Tensor1D } & Readonly<Record<string, Tensor1D>>;

/** Where a reverse chain stands. Masks are `[batch, height, width, classes]`. */
export interface ReverseState {
  readonly yt: Tensor4D;
  /** The mask that the network's prediction implies, in [0, 1]. */
  readonly y0Hat: Tensor4D;
  readonly prior: Tensor4D;
  /** The step index of the whole batch, 1 … steps − 1. */
  readonly t: number;
}

/** The distribution of `y_{t−1}` and a sample of it, `[batch, height, width, classes]`. */
export interface ReverseStep {
  readonly mean: Tensor4D;
  readonly sample: Tensor4D;
}

/**
 * A diffusion over masks, as training and samplers need it: the Bernoulli kernel, or the Gaussian one for ablation.
 *
 * Immutable. Step indices count 0 … steps − 1; all random numbers come from the host's generator, in row-major order of
 * the mask, one call per element.
 */
export interface DiffusionProcess {
  readonly kind: "bernoulli" | "gaussian";
  readonly target: PredictionTarget;
  /** T, the number of steps. */
  readonly steps: number;
  readonly betas: readonly number[];
  /** ᾱ[t] = Π_{τ ≤ t} (1 − β[τ]). */
  readonly alphaBars: readonly number[];
  /** The step index that the network was trained with, for each step of this process. */
  readonly originalSteps: readonly number[];

  /** The latent mask with which the reverse chain begins. */
  start(prior: Tensor4D, generator: Generator): Tensor4D;

  /** A sample of `q(y_t | y_0, prior)`, without gradient. */
  qSample(y0: Tensor4D, prior: Tensor4D, t: readonly number[], generator: Generator): Tensor4D;

  /** The mask, in [0, 1], that the network's prediction at step t implies. */
  y0Hat(yt: Tensor4D, prediction: Tensor4D, t: readonly number[]): Tensor4D;

  /** One step of the ancestral sampler. */
  ancestralStep(state: ReverseState, generator: Generator): ReverseStep;

  /** One step of the DDIM sampler; `eta` in [0, 1], 1 by default in the sampler. */
  ddimStep(state: ReverseState, eta: number, generator: Generator): ReverseStep;

  /** The training loss of each batch item. */
  loss(inputs: LossInputs): LossTerms;

  /** A process of the same kind with other steps. */
  withSteps(betas: readonly number[], originalSteps: readonly number[]): DiffusionProcess;
}
