import { add, concat, type Generator, mean, mul, polynomialDecay, type Scalar, split, type Tensor4D, tidy } from "@hidiff/core-tensor";
import type { BatchSource } from "@hidiff/datasets";
import { diceLoss, prior as priorOf, segmentationLoss, type SegmentorOutput } from "@hidiff/segmentors";
import type { HybridModel } from "../model/hybrid-model.ts";
import { discriminativeLoss } from "./discriminative-loss.ts";
import type { RefinerInputs } from "../refiner/refiner.ts";
import type { TrainingCallbacks } from "./report.ts";
import { runPhase } from "./run-phase.ts";
import type { TrainingSession } from "./session.ts";
import { type GuidedBatch, guideBatch, type MicroBatch, update } from "./step.ts";

/**
 * Trains refiner and segmentor in alternation (HiDiff §III-D): each iteration updates the refiner by `L_diff` with the
 * segmentor frozen, then the segmentor by `L_CE + λ_Dice·L_Dice + λ_Diff·L_diff` with the refiner frozen, the gradient
 * flowing through prior and features. A frozen network runs with its running statistics and leaves them alone.
 *
 * A segmentor that cannot be trained has no update of its own: what parameters it has serve the refiner, and are updated
 * with it by `L_diff`.
 *
 * @param batches the refiner's batch of iteration i is the one after all of the pre-training's; both updates of an
 * iteration use the same one
 * @returns whether the phase is complete; false if `signal` stopped it
 * @throws HidiffError `training.diverged`, and those of {@link guideBatch}
 */
export function trainAlternating(session: TrainingSession, batches: BatchSource, callbacks: TrainingCallbacks = {}): Promise<boolean> {
  const { options, model } = session;
  const { iterations, refinerUpdates, refinerLearningRate, segmentorLearningRate, freezeSegmentor } = options.alternating;
  const trainsSegmentor = model.segmentor.trainable && !freezeSegmentor;
  if (session.progress.alternating === 0) session.restartSegmentorOptimizer();
  return runPhase(session, "alternating", iterations, batches, callbacks, async (iteration) => {
    const generator = session.generator("alternating", iteration);
    const learningRate = polynomialDecay(refinerLearningRate, iteration, iterations);
    const losses: Record<string, number> = {};
    let batch: GuidedBatch | undefined;
    for (let repeat = 0; repeat < refinerUpdates; repeat++) {
      batch = await guideBatch(model.segmentor, await batches.batch(options.pretraining.iterations + iteration * refinerUpdates + repeat));
      Object.assign(losses, updateRefiner(session, batch, learningRate, generator.split(`refiner/${repeat}`), iteration));
    }
    if (trainsSegmentor) {
      const rate = polynomialDecay(segmentorLearningRate, iteration, iterations);
      Object.assign(losses, updateSegmentor(session, batch!, rate, generator.split("segmentor"), iteration));
    }
    return { losses, learningRate };
  });
}

/** Step (a): the segmentor is frozen. */
function updateRefiner(session: TrainingSession, batch: GuidedBatch, learningRate: number, generator: Generator, iteration: number): Record<string, number> {
  const { model, options } = session;
  const { trainable } = model.segmentor;
  const refinement = update({
    ...batch,
    parameters: session.refinerParameters,
    optimizer: session.refinerOptimizer,
    learningRate,
    microBatchSize: options.microBatchSize,
    gradientClip: options.gradientClip,
    where: `alternation iteration ${iteration + 1}, refiner`,
    loss: ({ image, y0, externalPrior, first }) => {
      const guide = (): Guidance =>
        tidy(() => {
          const { logits, features } = model.segmentor.forward(image, { training: !trainable }, externalPrior);
          return { prior: priorOf(logits), features };
        });
      const frozen = trainable ? guide() : undefined;
      return () => {
        const { prior, features } = frozen ?? guide();
        const noise = drawNoise(model, { y0, prior, first, generator });
        return refinementLoss(session, { image, y0 }, { prior, features, ...noise }, true);
      };
    },
  });
  session.average.update();
  return { refinement };
}

/** Step (b): the refiner is frozen. */
function updateSegmentor(session: TrainingSession, batch: GuidedBatch, learningRate: number, generator: Generator, iteration: number): Record<string, number> {
  const { model, options } = session;
  const segmentor = update({
    ...batch,
    parameters: model.segmentor.parameters(),
    optimizer: session.segmentorOptimizer,
    learningRate,
    microBatchSize: options.microBatchSize,
    gradientClip: options.gradientClip,
    where: `alternation iteration ${iteration + 1}, segmentor`,
    loss: ({ image, y0, externalPrior, first }) => () => {
      const { logits, features, deepSupervision } = model.segmentor.forward(image, { training: true }, externalPrior);
      const segmentation = segmentationLoss({ logits, y0, diceWeight: options.diceWeight, deepSupervision });
      if (options.diffusionWeight === 0) return segmentation;
      const prior = priorOf(logits);
      const noise = drawNoise(model, { y0, prior, first, generator });
      const refinement = refinementLoss(session, { image, y0 }, { prior, features, ...noise }, false);
      return add(segmentation, mul(refinement, options.diffusionWeight)) as Scalar;
    },
  });
  return { segmentor };
}

/** What the segmentor gives the refiner. (A type rather than an interface, so that `tidy` may return it.) */
type Guidance = { readonly prior: Tensor4D; readonly features: SegmentorOutput["features"] };

interface NoiseInputs {
  readonly y0: Tensor4D;
  readonly prior: Tensor4D;
  /** The place of the first item in the batch. */
  readonly first: number;
  readonly generator: Generator;
}

/**
 * A step index and a latent mask per item; without gradient. What an item draws depends on its place in the batch alone,
 * not on the parts that the batch is computed in. The discriminative refiner gets the prior itself.
 */
function drawNoise({ architecture, process }: HybridModel, { y0, prior, first, generator }: NoiseInputs): { t: number[]; yt: Tensor4D } {
  const batch = y0.shape[0];
  if (architecture.refiner.kind === "discriminative") return { t: new Array<number>(batch).fill(0), yt: prior };
  const generators = Array.from({ length: batch }, (_, item) => generator.split(first + item));
  const t = generators.map((own) => own.integer(process.steps));
  const [masks, priors] = [split(y0, batch), split(prior, batch)] as [Tensor4D[], Tensor4D[]];
  const latents = generators.map((own, item) => process.qSample(masks[item]!, priors[item]!, [t[item]!], own));
  return { t, yt: concat(latents) as Tensor4D };
}

function refinementLoss(
  { model, options }: TrainingSession,
  { image, y0 }: Pick<MicroBatch, "image" | "y0">,
  { prior, features, t, yt }: Pick<RefinerInputs, "prior" | "features" | "t" | "yt">,
  training: boolean,
): Scalar {
  const prediction = model.predict({ image, yt, prior, features, t }, { training });
  if (model.architecture.refiner.kind === "discriminative") return discriminativeLoss(prediction, y0, options.diceWeight);
  const { total } = model.process.loss({ yt, y0, prior, prediction, t, focalWeight: options.focalWeight, gamma: options.focalGamma });
  if (options.refinerDiceWeight === 0) return mean(total) as Scalar;
  const dice = diceLoss(model.process.y0Hat(yt, prediction, t), y0);
  return add(mean(total), mul(dice, options.refinerDiceWeight)) as Scalar;
}
