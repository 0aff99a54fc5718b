/** A decoded image or mask with the geometry it came with. */
export interface RasterImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** [height, width, channels]; integers keep the bit depth of the file. */
  readonly data: Uint8Array | Uint16Array | Float32Array;
  /** Size of a pixel along each axis, in millimetres. */
  readonly spacing?: readonly number[];
  /** Position of the first pixel's centre, in millimetres. */
  readonly origin?: readonly number[];
  /** Row-major direction cosines of the axes. */
  readonly direction?: readonly number[];
}

/** An image with its segmentation. */
export interface SegmentationSample {
  readonly id: string;
  readonly height: number;
  readonly width: number;
  readonly imageChannels: number;
  /** [height, width, imageChannels]; RGB lies in [-1, 1]. */
  readonly image: Float32Array;
  readonly classes: number;
  /** [height, width, classes] of 0 and 1; one-hot, with class 0 as background, for more than one class. */
  readonly mask: Float32Array;
  /** [height, width] of 0 and 1: where the camera saw something. */
  readonly fieldOfView?: Uint8Array;
  /** Size of a pixel as [vertical, horizontal]; 1 where the data set does not tell. */
  readonly spacing: readonly number[];
}

export type SplitName = "train" | "validation" | "test";

/** A data set whose samples are read when they are asked for. */
export interface SegmentationDataset {
  readonly name: string;
  readonly imageChannels: number;
  readonly classes: number;
  readonly classNames: readonly string[];
  /** The ids of each split. */
  readonly splits: Readonly<Record<SplitName, readonly string[]>>;
  load(id: string): Promise<SegmentationSample>;
}

/** Samples of one size, stacked. */
export interface Batch {
  readonly ids: readonly string[];
  readonly batchSize: number;
  readonly height: number;
  readonly width: number;
  readonly imageChannels: number;
  readonly classes: number;
  /** [batch, height, width, imageChannels] */
  readonly images: Float32Array;
  /** [batch, height, width, classes] */
  readonly masks: Float32Array;
}

/** An endless supply of batches, addressed by the training step. */
export interface BatchSource {
  /** The batch of `step` (0, 1, …): always the same one for the same options and seed. The arrays belong to the caller. */
  batch(step: number): Promise<Batch>;
  /** Stops prefetching and releases the cached samples. */
  close(): Promise<void>;
}
