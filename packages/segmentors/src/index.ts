export { type ImageBatch, prior, type Segmentor, SegmentorModule, type SegmentorOutput } from "./segmentor.ts";
export { createSegmentor, type ReadModelFile, registerSegmentor, type SegmentorFactory, segmentorNames, type SegmentorOptions } from "./registry.ts";
export { UNet, type UNetOptions, type Upsampling } from "./unet/unet.ts";
export type { Normalization } from "./unet/double-conv.ts";
export { publishedUNetName } from "./unet/published-names.ts";
export { crossEntropyLoss, diceLoss, segmentationLoss, type SegmentationLossInputs } from "./losses.ts";
