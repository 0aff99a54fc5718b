import { polynomialDecay } from "@hidiff/core-tensor";
import type { BatchSource } from "@hidiff/datasets";
import { segmentationLoss } from "@hidiff/segmentors";
import { runPhase } from "./run-phase.ts";
import type { TrainingCallbacks } from "./report.ts";
import type { TrainingSession } from "./session.ts";
import { update } from "./step.ts";

/**
 * Trains the segmentor alone by `CE + λ_Dice·Dice` (HiDiff §III-D), from where the session stands.
 *
 * @param batches the batch of iteration i is `batches.batch(i)`
 * @returns whether the phase is complete; false if `signal` stopped it
 * @throws HidiffError `training.diverged`
 */
export function pretrainSegmentor(session: TrainingSession, batches: BatchSource, callbacks: TrainingCallbacks = {}): Promise<boolean> {
  const { options, model } = session;
  const { iterations, learningRate: base } = options.pretraining;
  return runPhase(session, "pretraining", iterations, batches, callbacks, async (iteration) => {
    const learningRate = polynomialDecay(base, iteration, iterations);
    const segmentation = update({
      batch: await batches.batch(iteration),
      parameters: model.segmentor.parameters(),
      optimizer: session.segmentorOptimizer,
      learningRate,
      microBatchSize: options.microBatchSize,
      gradientClip: options.gradientClip,
      where: `pre-training iteration ${iteration + 1}`,
      loss: ({ image, y0 }) => () => {
        const { logits, deepSupervision } = model.segmentor.forward(image, { training: true });
        return segmentationLoss({ logits, y0, diceWeight: options.diceWeight, deepSupervision });
      },
    });
    return { losses: { segmentation }, learningRate };
  });
}
