import { HidiffError } from "@hidiff/core-tensor";
import type { Batch } from "@hidiff/datasets";
import { confusionCounts, dice } from "@hidiff/metrics";
import type { InferenceOptions } from "../config/schema.ts";
import { labelMap } from "../inference/labels.ts";
import { segment } from "../inference/segment.ts";
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
  const { model, options } = session;
  const { classes, imageChannels } = model.architecture;
  const truths: Uint8Array[] = [];
  const priors: Uint8Array[] = [];
  const refined: Uint8Array[] = [];
  const steps = new Map<number, Uint8Array[]>();
  await session.average.with(async () => {
    for (const { batchSize, height, width, images, masks, priors: maps } of crops) {
      for (let item = 0; item < batchSize; item++) {
        const part = (data: Float32Array, channels: number): Float32Array =>
          data.slice(item * height * width * channels, (item + 1) * height * width * channels);
        const image = {
          height,
          width,
          channels: imageChannels,
          data: part(images, imageChannels),
          ...(maps === undefined ? {} : { prior: part(maps, classes) }),
        };
        const result = await segment(model, image, {
          ...inference,
          window: 0,
          seed: options.seed,
          onStep: ({ t, y0Hat }) => steps.set(t, [...(steps.get(t) ?? []), labelMap(y0Hat, classes)]),
        });
        truths.push(labelMap(part(masks, classes), classes));
        priors.push(result.priorMask);
        refined.push(result.mask);
      }
    }
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
