export type {
  Batch,
  BatchSource,
  RasterImage,
  SegmentationDataset,
  SegmentationSample,
  SplitName,
} from "./types.ts";
export { createBatchSource } from "./batches/batch-source.ts";
export type { BatchSourceOptions } from "./batches/options.ts";
export { type AugmentationOptions, paperRgbAugmentation, paperVolumeAugmentation } from "./augmentation/options.ts";
export type { AffineOptions } from "./augmentation/affine.ts";
export type { ColorJitterOptions } from "./augmentation/color-jitter.ts";
export type { GaussianBlurOptions } from "./augmentation/gaussian-blur.ts";
export { syntheticFundus, type SyntheticFundusOptions } from "./synthetic/synthetic-fundus.ts";
export { type DatasetEntry, DatasetRegistry, type DatasetSpec } from "./registry.ts";
export { datasetRegistry, openDataset } from "./datasets.ts";
