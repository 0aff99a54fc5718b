import { HidiffError } from "@hidiff/core-tensor";
import type { Batch } from "@hidiff/datasets";
import { confusionCounts, dice } from "@hidiff/metrics";
import type { InferenceOptions } from "../config/schema.ts";
import { labelMap } from "../inference/labels.ts";
import { lookAtCrops } from "./look-at-crops.ts";
import type { TrainingSession } from "./session.ts";

/** What one look at validation crops shows: Dice over all crops together, mean over the foreground classes. */
export interface ValidationReport {
  readonly segmentorDice: number;
  readonly refinedDice: number;
  /** Dice of the mask estimated at each step of the first chain, from t = T − 1 to 0. */
  readonly stepDice: readonly { readonly t: number; readonly dice: number }[];
}

/**
 * Measures segmentor and refiner on crops in evaluation mode, with the averaged parameters: low training losses alone
 * prove nothing.
 */
export async function validate(session: TrainingSession, crops: readonly Batch[], inference: InferenceOptions): Promise<ValidationReport> {
  if (crops.length === 0) throw new HidiffError("validation.empty", "validate: expected at least one batch of crops, got none.");
  const { classes } = session.model.architecture;
  const truths: Uint8Array[] = [];
  const priors: Uint8Array[] = [];
  const refined: Uint8Array[] = [];
  const steps = new Map<number, Uint8Array[]>();
  await lookAtCrops(session, crops, inference, ({ truth, segmentation, steps: masks }) => {
    truths.push(truth);
    priors.push(segmentation.priorMask);
    refined.push(segmentation.mask);
    for (const { t, y0Hat } of masks) steps.set(t, [...(steps.get(t) ?? []), labelMap(y0Hat, classes)]);
  });
  const score = (masks: readonly Uint8Array[]): number => meanDice(masks, truths, classes);
  return {
    segmentorDice: score(priors),
    refinedDice: score(refined),
    stepDice: [...steps].map(([t, masks]) => ({ t, dice: score(masks) })),
  };
}

function meanDice(masks: readonly Uint8Array[], truths: readonly Uint8Array[], classes: number): number {
  const labels = Array.from({ length: Math.max(1, classes - 1) }, (_, index) => index + 1);
  const join = (parts: readonly Uint8Array[], label: number): Uint8Array =>
    Uint8Array.from(parts.flatMap((part) => Array.from(part, (value) => (value === label ? 1 : 0))));
  return labels.reduce((sum, label) => sum + dice(confusionCounts(join(masks, label), join(truths, label))), 0) / labels.length;
}
