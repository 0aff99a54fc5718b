export { HiDiff, type HiDiffOptions, type RasterSegmentOptions } from "./hidiff.ts";
export { HybridModel } from "./model/hybrid-model.ts";
export type { OnnxRuntime } from "./external/onnx/onnx-runtime.ts";
export { Refiner, type RefinerInputs, type RefinerOptions } from "./refiner/refiner.ts";
export { compileRefiner } from "./packed/compile-refiner.ts";
export { type RefinerEngine, reasonAgainstPacking } from "./packed/engine.ts";
export { CrossTransformer, type CrossTransformerOptions, type TokenOrder } from "./refiner/cross-transformer.ts";
export { publishedRefinerName } from "./refiner/published-names.ts";
export {
  type Architecture,
  architectureSchema,
  type Configuration,
  type ConfigurationInput,
  configurationSchema,
  type InferenceOptions,
  inferenceSchema,
  type TrainingOptions,
  trainingSchema,
} from "./config/schema.ts";
export { parse } from "@hidiff/datasets";
export { preset, presetNames, presetSummary } from "./config/presets.ts";
export { configurationJsonSchema, type JsonSchema } from "./config/json-schema.ts";
export { type ConfigurationProblem, configurationProblems, formatPath, parseConfiguration } from "./config/problems.ts";
export { ablationNames, withAblation } from "./config/ablations.ts";
export { TrainingSession, type TrainingProgress } from "./training/session.ts";
export type { ModelAverage } from "./training/model-average.ts";
export type { Look, LookHistory } from "./training/look-history.ts";
export { pretrainSegmentor } from "./training/pretrain-segmentor.ts";
export { trainAlternating } from "./training/train-alternating.ts";
export type { TrainingCallbacks, TrainingReport } from "./training/report.ts";
export { validate, type ValidationReport } from "./training/validate.ts";
export { labelMap } from "./inference/labels.ts";
export { type NetworkImage, type RefinementStep, segment, type Segmentation, type SegmentOptions, takesPriors } from "./inference/segment.ts";
export { labelStackOf, type MapName, segmentStack, type SegmentStackOptions, type StackSegmentation } from "./inference/segment-stack.ts";
export { type ClassMeasurement, measureClasses } from "./inference/measure.ts";
export { type EvaluatedCase, type EvaluateOptions, evaluateDataset } from "./evaluation/evaluate.ts";
export { CalibrationCollector, type CalibrationReport, type Reliability } from "./evaluation/calibration.ts";
export type { ClassMappingOptions, EvaluatedClass } from "./evaluation/class-mapping.ts";
export type { SmallObjectMetrics, SmallObjectScores } from "./evaluation/scores.ts";
export type {
  CaseScores,
  ClassScores,
  ClassSummary,
  EvaluationProtocol,
  EvaluationRegion,
  EvaluationReport,
  SkippedCase,
} from "./evaluation/report.ts";
export { benchmarkConfiguration, type BenchmarkName, benchmarkNames, defaultRounds } from "./benchmark/configurations.ts";
export type { CountedOperations, RefinerOperations } from "./benchmark/operations.ts";
export {
  type ComparedMeasurement,
  type MeasuredEngine,
  type Measurement,
  RefinerBenchmark,
  refinerEngines,
  type StepMeasurements,
} from "./benchmark/refiner-benchmark.ts";
export type { Spread } from "./benchmark/timing.ts";
export { classColour } from "./bundle/class-colours.ts";
export { type BundleContents, type BundleDescription, checkBundle, type CheckedBundle, decodeBundle, encodeBundle } from "./bundle/bundle.ts";
export {
  bundleFiles,
  bundleJsonSchema,
  type BundleManifest,
  bundleManifestSchema,
  decodeManifest,
  isBundleFile,
  unspecifiedLicence,
} from "./bundle/manifest.ts";
export { packBundle, type PackOptions } from "./bundle/pack.ts";
export { type Provenance, withoutMachinePaths } from "./bundle/provenance.ts";
export { type ModelScore, scoresOfEvaluation } from "./bundle/scores.ts";
export { type BundleVerification, verifyBundle } from "./bundle/verify.ts";
export { unzipBundle, zipBundle } from "./bundle/zip.ts";
export { type ImportedNetwork, type ImportReport, importWeights, type ImportWeightsOptions } from "./weights/import-weights.ts";
export { describeNames } from "./weights/describe-names.ts";
export { readWeightsHeader, type WeightsHeader } from "./weights/header.ts";
export { refinerKind, resolvedOptions, weightsKinds } from "./weights/networks.ts";
