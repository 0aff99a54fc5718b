export { prior, type Segmentor, SegmentorModule, type SegmentorOutput } from "./segmentor.ts";
export { createSegmentor, registerSegmentor, type SegmentorFactory, segmentorNames, type SegmentorOptions } from "./registry.ts";
export { UNet, type UNetOptions, type Upsampling } from "./unet.ts";
export type { Normalization } from "./double-conv.ts";
export { publishedUNetName } from "./published-unet.ts";
export { crossEntropyLoss, diceLoss, segmentationLoss, type SegmentationLossInputs } from "./losses.ts";
