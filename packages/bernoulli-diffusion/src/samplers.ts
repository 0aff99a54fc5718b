import { clipByValue, dispose, div, log, sigmoid, sub, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Generator } from "@hidiff/core-tensor/random";
import type { DiffusionProcess, ReverseState, ReverseStep } from "./diffusion-process.ts";
import { respace, spaceSteps, type StepSpacing } from "./respacing.ts";
import { checkMasks, sameStep } from "./steps.ts";

/** One step of a chain. The tensors, `[batch, height, width, classes]`, live until the callback returns. */
export interface SamplerStep {
  /** The step index that the network received. */
  readonly t: number;
  /** The latent mask that it received. */
  readonly yt: Tensor4D;
  /** The mask implied by its prediction, in [0, 1]. */
  readonly y0Hat: Tensor4D;
  /** The mean of the distribution that the next latent mask is drawn from; at the last step `y0Hat`. */
  readonly mean: Tensor4D;
}

export interface SamplerOptions {
  /** The segmentor's probability f(x), `[batch, height, width, classes]`, in [0, 1]. */
  readonly prior: Tensor4D;
  /**
   * The network: latent mask and original step index per batch item → prediction by the process's `target`, of the
   * mask's shape. What it allocates is disposed, its result included; a result that was passed to `keep` is left alone.
   */
  readonly predict: (yt: Tensor4D, t: readonly number[]) => Tensor4D;
  readonly generator: Generator;
  readonly onStep?: ((step: SamplerStep) => void) | undefined;
  /**
   * Below 1, the chain draws from sharper distributions: the log odds of the prior and of each `y0Hat` that a latent mask
   * is drawn from are divided by it. A chain at 1 is a sample of the masks that the model thinks possible, and scores as
   * an arbitrary one of them would; a cool chain seeks the most probable mask. What the network receives as prior is the
   * caller's affair, and the result, the estimate at t = 0, is never sharpened. Default 1.
   */
  readonly temperature?: number | undefined;
  /** A number of steps, or any spacing of {@link spaceSteps}. Default: all steps of the process. */
  readonly steps?: number | StepSpacing | undefined;
}

/**
 * Ancestral sampling (HiDiff eq. 8): from `process.start`, `y_{t−1}` is drawn from the posterior given the calibrated
 * prediction; at t = 0 the mean itself is returned.
 *
 * @returns the probability of each class, `[batch, height, width, classes]`, in [0, 1]; the only tensor left behind
 */
export function sampleAncestral(process: DiffusionProcess, options: SamplerOptions): Tensor4D {
  return runChain(process, options, (chain, state) => chain.ancestralStep(state, options.generator));
}

/**
 * DDIM sampling (Song et al. 2021, appendix A for the Bernoulli kernel).
 *
 * @param options.eta in [0, 1], default 1. Bernoulli kernel: how much of `y_t` is kept, from nothing (0: `y_{t−1}` is drawn
 *   anew from `q(y_{t−1} | y0Hat)`) to as much as the marginals allow (1). Gaussian kernel, as usual: from a deterministic
 *   chain (0) to the ancestral one (1)
 * @returns as {@link sampleAncestral}
 * @throws HidiffError `diffusion.eta` for `eta` outside [0, 1]
 */
export function sampleDdim(
  process: DiffusionProcess,
  options: SamplerOptions & { readonly eta?: number | undefined },
): Tensor4D {
  const { eta = 1, generator } = options;
  if (!(eta >= 0 && eta <= 1)) throw new HidiffError("diffusion.eta", `sampleDdim: eta must lie in [0, 1], got ${eta}.`);
  return runChain(process, options, (chain, state) => chain.ddimStep(state, eta, generator));
}

function runChain(
  process: DiffusionProcess,
  { prior, predict, generator, onStep, temperature = 1, steps }: SamplerOptions,
  reverseStep: (chain: DiffusionProcess, state: ReverseState) => ReverseStep,
): Tensor4D {
  checkMasks("sampler", { prior });
  if (!(temperature > 0)) throw new HidiffError("diffusion.temperature", `sampler: the temperature must be positive, got ${temperature}.`);
  const chain = steps === undefined ? process : respace(process, spaceSteps(process.steps, typeof steps === "number" ? [steps] : steps));
  // The outer scope disposes everything if a callback throws; each step disposes its own as it goes.
  return tidy(() => {
    const drawnPrior = sharpen(prior, temperature);
    let yt = chain.start(drawnPrior, generator);
    for (let t = chain.steps - 1; t >= 0; t--) {
      const next = tidy(() => {
        const originalStep = chain.originalSteps[t]!;
        const prediction = predict(yt, sameStep(yt, originalStep));
        checkMasks("sampler", { prior, prediction });
        const y0Hat = chain.y0Hat(yt, prediction, sameStep(yt, t));
        const { mean, sample } = t === 0 ? { mean: y0Hat, sample: y0Hat } : reverseStep(chain, { yt, y0Hat: sharpen(y0Hat, temperature), prior: drawnPrior, t });
        onStep?.({ t: originalStep, yt, y0Hat, mean });
        return sample;
      });
      dispose(yt);
      yt = next;
    }
    return yt;
  });
}

/** The probability whose log odds are those of `probability` divided by `temperature`. */
function sharpen(probability: Tensor4D, temperature: number): Tensor4D {
  if (temperature === 1) return probability;
  const clipped = clipByValue(probability, 1e-6, 1 - 1e-6);
  return sigmoid(div(sub(log(clipped), log(sub(1, clipped))), temperature)) as Tensor4D;
}
