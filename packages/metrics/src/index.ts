export {
  aggregate,
  aggregateLabelMaps,
  summarize,
  type LabelMapSummary,
  type MaskSummaries,
  type Summary,
} from "./aggregate.ts";
export { CalibrationCounter, expectedCalibrationError, type CalibrationBin, type CalibrationOptions } from "./calibration.ts";
export {
  accuracy,
  confusionCounts,
  dice,
  intersectionOverUnion,
  precision,
  recall,
  specificity,
  type ConfusionCounts,
  type ConfusionOptions,
} from "./confusion.ts";
export {
  connectedComponents,
  keepLargestComponent,
  type ComponentOptions,
  type Components,
  type Connectivity,
} from "./connected-components.ts";
export { distanceTransform } from "./distance-transform.ts";
export { MetricsError, type MetricsErrorCode } from "./errors.ts";
export {
  evaluateLabelMaps,
  evaluateMask,
  type EvaluateLabelMapsOptions,
  type EvaluateOptions,
  type LabelMapMetrics,
  type MaskMetrics,
  type OverlapMetrics,
  type SurfaceMetrics,
} from "./evaluate.ts";
export type { Geometry } from "./geometry.ts";
export { holmAdjust } from "./holm.ts";
export { channelMask, classMask } from "./label-maps.ts";
export type { Mask } from "./mask.ts";
export {
  evaluateObjects,
  keepSmallObjects,
  type ObjectEvaluation,
  type ObjectMetrics,
  type ObjectMetricsOptions,
  type SmallObjectOptions,
} from "./objects.ts";
export { pairedComparison, type PairedComparison, type PairedComparisonOptions } from "./paired-comparison.ts";
export { quantile } from "./quantile.ts";
export {
  averageSymmetricSurfaceDistance,
  hausdorffDistance,
  hausdorffDistance95,
  meanSurfaceDistance,
  surfaceDistances,
  type SurfaceDistances,
  type SurfaceMetricOptions,
} from "./surface.ts";
export { wilcoxonSignedRank, type WilcoxonResult } from "./wilcoxon.ts";
