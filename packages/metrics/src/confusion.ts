import { binaryMask, type Mask } from "./mask.ts";

/** How often prediction and truth agree and differ, in elements. */
export interface ConfusionCounts {
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly falseNegative: number;
  readonly trueNegative: number;
}

export interface ConfusionOptions {
  /** `[...spatial]`, 1 where an element is evaluated, such as the field of view of a fundus camera; everywhere if absent. */
  readonly region?: Mask | undefined;
}

/**
 * Counts agreement and disagreement of two masks.
 *
 * @param prediction `[...spatial]`, 0 or 1
 * @param truth `[...spatial]`, 0 or 1
 * @throws MetricsError `metrics.length`, `metrics.mask-values`
 */
export function confusionCounts(prediction: Mask, truth: Mask, { region }: ConfusionOptions = {}): ConfusionCounts {
  const predicted = binaryMask("confusionCounts", "prediction", prediction);
  const expected = binaryMask("confusionCounts", "truth", truth, predicted.length);
  const evaluated = region === undefined ? undefined : binaryMask("confusionCounts", "region", region, predicted.length);
  const counts = [0, 0, 0, 0] as [number, number, number, number];
  for (let index = 0; index < predicted.length; index++) {
    if (evaluated !== undefined && evaluated[index] === 0) continue;
    counts[2 * predicted[index]! + expected[index]!]!++;
  }
  const [trueNegative, falseNegative, falsePositive, truePositive] = counts;
  return { truePositive, falsePositive, falseNegative, trueNegative };
}

/** Dice coefficient 2·TP / (2·TP + FP + FN) in [0, 1]; both masks empty: 1, one empty: 0. */
export function dice({ truePositive, falsePositive, falseNegative }: ConfusionCounts): number {
  const total = 2 * truePositive + falsePositive + falseNegative;
  return total === 0 ? 1 : (2 * truePositive) / total;
}

/** Intersection over union (Jaccard index) TP / (TP + FP + FN) in [0, 1]; both masks empty: 1, one empty: 0. */
export function intersectionOverUnion({ truePositive, falsePositive, falseNegative }: ConfusionCounts): number {
  const union = truePositive + falsePositive + falseNegative;
  return union === 0 ? 1 : truePositive / union;
}

/** Recall (sensitivity) TP / (TP + FN) in [0, 1]; both masks empty: 1, only the truth empty: undefined. */
export function recall({ truePositive, falsePositive, falseNegative }: ConfusionCounts): number | undefined {
  return ratio(truePositive, falseNegative, falsePositive);
}

/** Precision TP / (TP + FP) in [0, 1]; both masks empty: 1, only the prediction empty: undefined. */
export function precision({ truePositive, falsePositive, falseNegative }: ConfusionCounts): number | undefined {
  return ratio(truePositive, falsePositive, falseNegative);
}

/** Specificity TN / (TN + FP) in [0, 1]; no background in both: 1, no background only in the truth: undefined. */
export function specificity({ trueNegative, falsePositive, falseNegative }: ConfusionCounts): number | undefined {
  return ratio(trueNegative, falsePositive, falseNegative);
}

/** Accuracy (TP + TN) / all in [0, 1]; no element evaluated: 1. */
export function accuracy({ truePositive, falsePositive, falseNegative, trueNegative }: ConfusionCounts): number {
  const right = truePositive + trueNegative;
  const all = right + falsePositive + falseNegative;
  return all === 0 ? 1 : right / all;
}

/** `hits / (hits + misses)`. Without both, there was nothing to find: 1 if nothing was claimed either, else undefined. */
function ratio(hits: number, misses: number, otherErrors: number): number | undefined {
  if (hits + misses > 0) return hits / (hits + misses);
  return otherErrors === 0 ? 1 : undefined;
}
