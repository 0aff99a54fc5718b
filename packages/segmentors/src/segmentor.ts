import { type Mode, Module, sigmoid, softmax, type Tensor4D } from "@hidiff/core-tensor";

/** What a segmentor computes from an image. (A type rather than an interface, so that `tidy` may return it.) */
export type SegmentorOutput = {
  /** `[batch, height, width, classes]`, before sigmoid or softmax; {@link prior} makes probabilities of them. */
  readonly logits: Tensor4D;
  /** Maps at strides 4, 8, 16, 32: `[batch, height/stride, width/stride, featureChannels[i]]`. */
  readonly features: [Tensor4D, Tensor4D, Tensor4D, Tensor4D];
  /** Logits at strides 2, 4, 8, …, the finest first: in training mode, of networks that are trained by deep supervision. */
  readonly deepSupervision?: Tensor4D[];
};

/** Images as networks take them, outside of tensors. */
export interface ImageBatch {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** `[batch, height, width, channels]` */
  readonly data: Float32Array;
}

/** A discriminative segmentation network whose prior mask and feature maps guide the diffusion refiner (the method, section 3). */
export interface Segmentor {
  readonly imageChannels: number;
  /** 1 for a binary task (one sigmoid), else the number of classes with the background (softmax). */
  readonly classes: number;
  /** Channels of the feature maps at strides 4, 8, 16, 32. */
  readonly featureChannels: readonly [number, number, number, number];

  /**
   * @param image `[batch, height, width, imageChannels]` with sides that are multiples of 32, for some networks of more
   * @throws HidiffError `segmentor.image` for other shapes
   */
  forward(image: Tensor4D, mode: Mode): SegmentorOutput;
}

/** A segmentor that can be saved and loaded, and trained unless it says otherwise. */
export abstract class SegmentorModule extends Module implements Segmentor {
  abstract readonly imageChannels: number;
  abstract readonly classes: number;
  abstract readonly featureChannels: readonly [number, number, number, number];

  /** Whether it can be trained by its own loss. Where not, its parameters serve the refiner and are trained with it. */
  get trainable(): boolean {
    return true;
  }

  /** What the sides of images must be multiples of: 32, the largest stride of its feature maps, or a multiple of 32. */
  get sizeMultiple(): number {
    return 32;
  }

  /** Gets ready what lies outside of it, such as another runtime's model; called once before it is used. */
  open(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * The probabilities that something else computes for images, in [0, 1], `[batch, height, width, classes]`: `forward` takes
   * them. Undefined for segmentors that need none.
   *
   * @param maps such probabilities that came with the data, of the same shape
   */
  externalPrior(_images: ImageBatch, _maps?: Float32Array): Promise<Float32Array | undefined> {
    return Promise.resolve(undefined);
  }

  /** @param externalPrior what {@link externalPrior} gave for the image, if anything */
  abstract forward(image: Tensor4D, mode: Mode, externalPrior?: Tensor4D): SegmentorOutput;
}

/**
 * The probabilities of `logits` `[batch, height, width, classes]`, in [0, 1]: sigmoid for one class, softmax over the
 * classes otherwise. (A softmax over one channel would be the constant 1.)
 */
export function prior(logits: Tensor4D): Tensor4D {
  return logits.shape[3] === 1 ? sigmoid(logits) : softmax(logits);
}
