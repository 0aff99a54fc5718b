import { Generator } from "@hidiff/core-tensor";
import { type MaskPredictor, MaskSegmentor, type MaskSegmentorOptions } from "./mask-segmentor.ts";

export interface FromMaskOptions extends MaskSegmentorOptions {
  /** Gives the initial parameters of the feature maps' convolutions. Default: the generator of seed 0. */
  readonly generator?: Generator;
}

/**
 * Makes a segmentor of any function that gives the probabilities `[batch, height, width, classes]` of images, at once or
 * later.
 *
 * @throws HidiffError `segmentor.option`
 */
export function fromMask(predict: MaskPredictor, { generator = new Generator(0), ...options }: FromMaskOptions): MaskSegmentor {
  return new MaskSegmentor(options, generator, () => Promise.resolve(predict));
}
