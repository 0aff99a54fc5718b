import { polynomialDecay } from "@hidiff/core-tensor";
import type { BatchSource } from "@hidiff/datasets";
import { segmentationLoss } from "@hidiff/segmentors";
import { runPhase } from "./run-phase.ts";
import type { TrainingCallbacks } from "./report.ts";
import type { TrainingSession } from "./session.ts";
import { guideBatch, update } from "./step.ts";

/**
 * Trains the segmentor alone by `CE + λ_Dice·Dice` (HiDiff §III-D), from where the session stands. Where it cannot be
 * trained, the phase is complete at once.
 *
 * @param batches the batch of iteration i is `batches.batch(i)`
 * @returns whether the phase is complete; false if `signal` stopped it
 * @throws HidiffError `training.diverged`, and those of {@link guideBatch}
 */
export function pretrainSegmentor(session: TrainingSession, batches: BatchSource, callbacks: TrainingCallbacks = {}): Promise<boolean> {
  const { options, model } = session;
  const { iterations, learningRate: base } = options.pretraining;
  if (!model.segmentor.trainable) {
    session.progress = { ...session.progress, pretraining: iterations };
    return Promise.resolve(true);
  }
  return runPhase(session, "pretraining", iterations, batches, callbacks, async (iteration) => {
    const learningRate = polynomialDecay(base, iteration, iterations);
    const segmentation = update({
      ...(await guideBatch(model.segmentor, await batches.batch(iteration))),
      parameters: model.segmentor.parameters(),
      optimizer: session.segmentorOptimizer,
      learningRate,
      microBatchSize: options.microBatchSize,
      gradientClip: options.gradientClip,
      where: `pre-training iteration ${iteration + 1}`,
      loss: ({ image, y0, externalPrior }) => () => {
        const { logits, deepSupervision } = model.segmentor.forward(image, { training: true }, externalPrior);
        return segmentationLoss({ logits, y0, diceWeight: options.diceWeight, deepSupervision });
      },
    });
    return { losses: { segmentation }, learningRate };
  });
}
