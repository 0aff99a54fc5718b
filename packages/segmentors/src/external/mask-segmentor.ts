import { type Generator, HidiffError, type Mode, type Tensor4D } from "@hidiff/core-tensor";
import { type ImageBatch, SegmentorModule, type SegmentorOutput } from "../segmentor.ts";

/** Anything that segments images: the probabilities `[batch, height, width, classes]`, in [0, 1]. */
export type MaskPredictor = (images: ImageBatch) => Promise<Float32Array>;

export interface MaskSegmentorOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Channels of the learned feature map at stride 4; those at 8, 16 and 32 have 2, 4 and 4 times as many. Default 16. */
  readonly featureWidth?: number;
}

/**
 * A segmentor of which only the mask is known: another program's, another runtime's, or one that was computed before.
 */
export class MaskSegmentor extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];

  /** @param load gives the predictor when the segmentor is opened; without it, maps must come with the images */
  constructor(options: MaskSegmentorOptions, _generator: Generator, _load?: () => Promise<MaskPredictor>) {
    super();
    this.imageChannels = options.imageChannels;
    this.classes = options.classes;
    this.featureChannels = [1, 2, 4, 4];
  }

  override get trainable(): boolean {
    return false;
  }

  forward(_image: Tensor4D, _mode: Mode, _externalPrior?: Tensor4D): SegmentorOutput {
    throw new HidiffError("segmentor.todo", "not yet");
  }
}
