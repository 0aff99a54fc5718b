import {
  accuracy,
  confusionCounts,
  dice,
  intersectionOverUnion,
  precision,
  recall,
  specificity,
  type ConfusionOptions,
} from "./confusion.ts";
import { MetricsError } from "./errors.ts";
import type { Geometry } from "./geometry.ts";
import { classMask } from "./label-maps.ts";
import { binaryMask, type Mask } from "./mask.ts";
import {
  averageSymmetricSurfaceDistance,
  hausdorffDistance,
  hausdorffDistance95,
  meanSurfaceDistance,
  surfaceDistances,
  type SurfaceMetricOptions,
} from "./surface.ts";

/** Metrics of one pair of masks in [0, 1]; undefined where the policy for empty masks gives no value. */
export interface OverlapMetrics {
  readonly dice: number | undefined;
  readonly intersectionOverUnion: number | undefined;
  readonly recall: number | undefined;
  readonly precision: number | undefined;
  readonly accuracy: number | undefined;
  readonly specificity: number | undefined;
}

/** Distances of one pair of masks in the units of the spacing; undefined if one mask is empty and no penalty is named. */
export interface SurfaceMetrics {
  readonly hausdorffDistance95: number | undefined;
  readonly hausdorffDistance: number | undefined;
  readonly averageSymmetricSurfaceDistance: number | undefined;
  readonly meanSurfaceDistance: number | undefined;
}

/** All metrics of a pair. The surface metrics are absent if they were not asked for. */
export type MaskMetrics = OverlapMetrics & Partial<SurfaceMetrics>;

export interface EvaluateOptions extends ConfusionOptions {
  /** Asks for the surface metrics, which cost far more than the others. */
  readonly surface?: (Geometry & SurfaceMetricOptions) | undefined;
}

/**
 * All metrics of a pair of masks. With a region, the surfaces are those of the masks within the region.
 *
 * @param prediction `[...spatial]`, flattened, 0 or 1
 * @param truth of the same shape
 * @throws MetricsError `metrics.length`, `metrics.mask-values`, `metrics.shape`, `metrics.spacing`, `metrics.penalty`
 */
export function evaluateMask(prediction: Mask, truth: Mask, { region, surface }: EvaluateOptions = {}): MaskMetrics {
  const counts = confusionCounts(prediction, truth, { region });
  const overlap: OverlapMetrics = {
    dice: dice(counts),
    intersectionOverUnion: intersectionOverUnion(counts),
    recall: recall(counts),
    precision: precision(counts),
    accuracy: accuracy(counts),
    specificity: specificity(counts),
  };
  if (surface === undefined) return overlap;
  const distances = surfaceDistances(within(prediction, region), within(truth, region), surface);
  return {
    ...overlap,
    hausdorffDistance95: hausdorffDistance95(distances, surface),
    hausdorffDistance: hausdorffDistance(distances, surface),
    averageSymmetricSurfaceDistance: averageSymmetricSurfaceDistance(distances, surface),
    meanSurfaceDistance: meanSurfaceDistance(distances, surface),
  };
}

export interface EvaluateLabelMapsOptions extends EvaluateOptions {
  /** The class numbers to evaluate, usually all but the background. */
  readonly classes: readonly number[];
}

export interface LabelMapMetrics {
  /** In the order of the class list. */
  readonly perClass: readonly { readonly label: number; readonly metrics: MaskMetrics }[];
  /** Each metric's mean over the classes for which it is defined; undefined if it is for none. */
  readonly mean: MaskMetrics;
  /** For how many classes each metric is undefined. */
  readonly undefinedCounts: Readonly<Partial<Record<keyof MaskMetrics, number>>>;
}

/**
 * All metrics of a pair of label maps, per class (one class against the rest) and their mean.
 *
 * @param prediction class numbers `[...spatial]`, flattened, whole numbers
 * @param truth of the same shape
 * @throws MetricsError `metrics.classes`, `metrics.label-values`, and as {@link evaluateMask}
 */
export function evaluateLabelMaps(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  { classes, ...options }: EvaluateLabelMapsOptions,
): LabelMapMetrics {
  if (classes.length === 0 || new Set(classes).size !== classes.length) {
    throw new MetricsError(
      "metrics.classes",
      `evaluateLabelMaps: expected at least one class and none twice, got [${classes.join(", ")}].`,
    );
  }
  const perClass = classes.map((label) => ({
    label,
    metrics: evaluateMask(classMask(prediction, label), classMask(truth, label), options),
  }));
  const names = Object.keys(perClass[0]!.metrics) as (keyof MaskMetrics)[];
  const columns = names.map((name) => ({ name, values: perClass.map(({ metrics }) => metrics[name]) }));
  return {
    perClass,
    mean: Object.fromEntries(columns.map(({ name, values }) => [name, definedMean(values)])) as unknown as MaskMetrics,
    undefinedCounts: Object.fromEntries(
      columns.map(({ name, values }) => [name, values.filter((value) => value === undefined).length]),
    ),
  };
}

function definedMean(values: readonly (number | undefined)[]): number | undefined {
  const defined = values.filter((value) => value !== undefined);
  return defined.length === 0 ? undefined : defined.reduce((total, value) => total + value, 0) / defined.length;
}

/** The mask with everything outside the region set to background; both were checked by {@link confusionCounts}. */
function within(mask: Mask, region: Mask | undefined): Mask {
  if (region === undefined) return mask;
  return binaryMask("evaluateMask", "mask", mask).map((value, index) => value * region[index]!);
}
