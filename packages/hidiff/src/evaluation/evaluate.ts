import type { SegmentationDataset, SplitName } from "@hidiff/datasets";
import { aggregate, evaluateLabelMaps, type MaskMetrics, type MaskSummaries, pairedComparison, type PairedComparison } from "@hidiff/metrics";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { Generator } from "@hidiff/core-tensor/random";
import type { HybridModel } from "../model/hybrid-model.ts";
import { labelMap, segment, type Segmentation, type SegmentOptions } from "../inference/segment.ts";

/** The scores of one image: the segmentor's own mask and the refined one, each the mean over the foreground classes. */
export interface CaseScores {
  readonly id: string;
  readonly prior: MaskMetrics;
  readonly refined: MaskMetrics;
}

export interface EvaluationReport {
  readonly dataset: string;
  readonly split: SplitName;
  readonly seed: number;
  readonly cases: readonly CaseScores[];
  readonly prior: MaskSummaries;
  readonly refined: MaskSummaries;
  /** Dice of the refined mask minus that of the segmentor's own, image by image. */
  readonly comparison: PairedComparison;
}

export interface EvaluateOptions extends SegmentOptions {
  readonly split: SplitName;
  /** Whether HD95 and ASSD are computed, too. Default true. */
  readonly surface?: boolean;
  /** Called after each image. */
  readonly onCase?: (scores: CaseScores, segmentation: Segmentation, index: number, total: number) => void | Promise<void>;
}

/**
 * Segments a split's images and scores the segmentor's own masks and the refined ones inside the field of view.
 *
 * @throws HidiffError `evaluate.empty` for a split without images
 */
export async function evaluateDataset(model: HybridModel, dataset: SegmentationDataset, options: EvaluateOptions): Promise<EvaluationReport> {
  const { split, seed, surface = true, onCase, ...segmentOptions } = options;
  const ids = dataset.splits[split];
  if (ids.length === 0) {
    throw new HidiffError("evaluate.empty", `evaluateDataset: the split "${split}" of ${dataset.name} has no images; choose another split.`);
  }
  const foreground = Array.from({ length: Math.max(1, dataset.classes - 1) }, (_, index) => index + 1);
  const cases: CaseScores[] = [];
  for (const [index, id] of ids.entries()) {
    const sample = await dataset.load(id);
    const { height, width, imageChannels: channels, image: data, spacing } = sample;
    const result = await segment(model, { height, width, channels, data }, { ...segmentOptions, seed });
    const truth = labelMap(sample.mask, sample.classes);
    const score = (mask: Uint8Array): MaskMetrics =>
      evaluateLabelMaps(mask, truth, {
        classes: foreground,
        ...(sample.fieldOfView === undefined ? {} : { region: sample.fieldOfView }),
        ...(surface ? { surface: { shape: [height, width], spacing } } : {}),
      }).mean;
    const scores = { id, prior: score(result.priorMask), refined: score(result.mask) };
    cases.push(scores);
    await onCase?.(scores, result, index, ids.length);
  }
  const random = new Generator(seed).split("bootstrap");
  const diceOf = (which: "prior" | "refined"): (number | undefined)[] => cases.map((scores) => scores[which].dice);
  return {
    dataset: dataset.name,
    split,
    seed,
    cases,
    prior: aggregate(cases.map(({ prior }) => prior)),
    refined: aggregate(cases.map(({ refined }) => refined)),
    comparison: pairedComparison(diceOf("prior"), diceOf("refined"), { random: () => random.uniform() }),
  };
}
