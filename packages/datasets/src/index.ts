export type {
  Batch,
  BatchSource,
  Geometry,
  ImageStack,
  LabelStack,
  RasterImage,
  SampleSource,
  SegmentationCase,
  SegmentationDataset,
  SegmentationSample,
  SplitName,
  VolumeSlicing,
  VoxelArray,
} from "./types.ts";
export { namesByLabel } from "./class-names.ts";
export { parse } from "./config/parse.ts";
export { type Interpolation, type Preprocessing, type PreprocessingStep, preprocessingSchema, type Region } from "./preprocessing/schema.ts";
export { type PreparedImage, preprocess } from "./preprocessing/preprocess.ts";
export { describePreprocessing } from "./preprocessing/describe-preprocessing.ts";
export { backgroundProbabilities, normalizeProbabilities } from "./priors/probabilities.ts";
export { zoom } from "./preprocessing/zoom.ts";
export { createBatchSource } from "./batches/batch-source.ts";
export type { BatchSourceOptions } from "./batches/options.ts";
export { prepareSamples, type PrepareSamplesOptions } from "./batches/prepare-samples.ts";
export type { CaseSamples, PreparationOptions, SampleIndex } from "./batches/sample-index.ts";
export {
  augmentationFor,
  type AugmentationName,
  augmentationNameFor,
  type AugmentationOptions,
  paperRgbAugmentation,
  paperVolumeAugmentation,
} from "./augmentation/options.ts";
export type { AffineOptions } from "./augmentation/affine.ts";
export type { ColorJitterOptions } from "./augmentation/color-jitter.ts";
export type { GaussianBlurOptions } from "./augmentation/gaussian-blur.ts";
export { syntheticFundus, type SyntheticFundusOptions } from "./synthetic/synthetic-fundus.ts";
export { type DrawnPhotograph, type EndoscopyScene, filmColon } from "./synthetic/endoscopy.ts";
export type { DrawnSlice, DrawnVolume } from "./synthetic/drawn-volume.ts";
export { type AbdomenOptions, btcvToSynapse, drawAbdomen } from "./synthetic/abdomen.ts";
export { btcvOrgans } from "./synthetic/abdomen-anatomy.ts";
export { brainChannels, type BrainOptions, drawBrain } from "./synthetic/brain.ts";
export { drawHippocampus } from "./synthetic/hippocampus.ts";
export { type BadCase, type BadCasePolicy, skipBadCase, tryLoad } from "./loaders/skipping.ts";
export { checkDisjoint, checkGroups } from "./splits/check.ts";
export { type FractionOptions, splitByFraction } from "./splits/fractions.ts";
export { type Fold, type FoldOptions, kFolds } from "./splits/k-folds.ts";
export { type ValidationChoice, validationFrom } from "./splits/validation-from.ts";
export { checkFinite, type DicomSource, type Volume, type VolumeHeader, type VolumeShape } from "./volumes/volume.ts";
export { isVolumePath, volumeExtensions } from "./volumes/volume-paths.ts";
export { type LabelGridOptions, type OrientedVolume, orientVolume, type Plane } from "./volumes/orientation.ts";
export { stackChannels } from "./volumes/stack-channels.ts";
export { withOutside } from "./volumes/with-outside.ts";
export { type DatasetEntry, DatasetRegistry, type DatasetSpec } from "./registry.ts";
export { datasetRegistry, openDataset } from "./datasets.ts";
export { imageStack, labelStack } from "./raster/stacks.ts";
export { imageExtensions, isImagePath } from "./raster/image-paths.ts";
