import { type Mode, Module, sigmoid, softmax, type Tensor4D } from "@hidiff/core-tensor";

/** What a segmentor computes from an image. (A type rather than an interface, so that `tidy` may return it.) */
export type SegmentorOutput = {
  /** `[batch, height, width, classes]`, before sigmoid or softmax; {@link prior} makes probabilities of them. */
  readonly logits: Tensor4D;
  /** Maps at strides 4, 8, 16, 32: `[batch, height/stride, width/stride, featureChannels[i]]`. */
  readonly features: [Tensor4D, Tensor4D, Tensor4D, Tensor4D];
};

/** A discriminative segmentation network whose prior mask and feature maps guide the diffusion refiner (the method, section 3). */
export interface Segmentor {
  readonly imageChannels: number;
  /** 1 for a binary task (one sigmoid), else the number of classes with the background (softmax). */
  readonly classes: number;
  /** Channels of the feature maps at strides 4, 8, 16, 32. */
  readonly featureChannels: readonly [number, number, number, number];

  /**
   * @param image `[batch, height, width, imageChannels]` with sides that are multiples of 32
   * @throws HidiffError `segmentor.image` for other shapes
   */
  forward(image: Tensor4D, mode: Mode): SegmentorOutput;
}

/** A segmentor that can be trained, saved and loaded. */
export abstract class SegmentorModule extends Module implements Segmentor {
  abstract readonly imageChannels: number;
  abstract readonly classes: number;
  abstract readonly featureChannels: readonly [number, number, number, number];
  abstract forward(image: Tensor4D, mode: Mode): SegmentorOutput;
}

/**
 * The probabilities of `logits` `[batch, height, width, classes]`, in [0, 1]: sigmoid for one class, softmax over the
 * classes otherwise. (A softmax over one channel would be the constant 1.)
 */
export function prior(logits: Tensor4D): Tensor4D {
  return logits.shape[3] === 1 ? sigmoid(logits) : softmax(logits);
}
