import type { Preprocessing } from "./preprocessing/schema.ts";
import type { VolumeHeader } from "./volumes/volume.ts";

/** Numbers as image files store them. */
export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** A decoded two-dimensional image or mask. */
export interface RasterImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** [height, width, channels]; integers keep the bit depth of the file. */
  readonly data: Uint8Array | Uint16Array | Float32Array;
}

/**
 * Where a grid of voxels lies in the patient, as ITK and DICOM tell it: in millimetres, with axes towards the patient's
 * left, back and head (LPS). The grid's axes are the file's own: i runs fastest (columns), then j (rows), then k (slices).
 */
export interface Geometry {
  /** Distance between voxel centres along i, j, k. */
  readonly spacing: readonly [number, number, number];
  /** Centre of the first voxel. */
  readonly origin: readonly [number, number, number];
  /** Row-major 3×3 matrix whose columns are the directions of i, j and k. */
  readonly direction: readonly number[];
}

/**
 * An image read slice by slice, in real units (the file's slope and intercept are applied). A photograph is a stack of one
 * slice. Slices are computed when they are asked for, so that a stack needs no more memory than what it is read from.
 */
export interface ImageStack {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Distance between pixel centres along depth, height and width, in millimetres; 1 where the file does not tell. */
  readonly spacing: readonly [number, number, number];
  /** The values that the stored type can have, such as [0, 255]; [0, 1] for floating-point photographs; absent for volumes. */
  readonly range?: readonly [low: number, high: number];
  /** What lies outside of the image, one value a channel: used where windows reach over its border. */
  readonly outside: readonly number[];
  /** @returns [height, width, channels], the caller's own */
  slice(index: number): Float32Array;
}

/** A label map read slice by slice: class numbers, 0 the background. */
export interface LabelStack {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  /** @returns [height, width], the caller's own */
  slice(index: number): Uint8Array;
}

/** An image or volume with its segmentation, as the files hold it: before any preprocessing. */
export interface SegmentationCase {
  readonly id: string;
  readonly image: ImageStack;
  /** On the image's grid. For data sets of one class: 0 and 1. */
  readonly labels: LabelStack;
  /** On the image's grid, 1 where the camera saw something: scores count there only. */
  readonly fieldOfView?: LabelStack;
  /** Another program's probabilities on the image's grid, in [0, 1], a channel a class. */
  readonly prior?: ImageStack;
  /** The volume that the slices were cut from, or the first of several: its grid, and its place in the patient. */
  readonly volume?: VolumeHeader;
}

/** How a volume becomes a stack of slices. */
export interface VolumeSlicing {
  /** The plane of the patient that slices lie in; "stored": as the file has them. */
  readonly plane: "axial" | "coronal" | "sagittal" | "stored";
  /** What lies outside of the image, in the file's units. */
  readonly outside: number;
}

export type SplitName = "train" | "validation" | "test";

/** A data set whose cases (images or volumes) are read when they are asked for. */
export interface SegmentationDataset {
  readonly name: string;
  readonly imageChannels: number;
  /** What the channels are, such as t1, t1ce, t2, flair; absent for photographs and single channels. */
  readonly channelNames?: readonly string[];
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** For one class its name alone, else one name a class, the background first. */
  readonly classNames: readonly string[];
  /** The ids of each split's cases. */
  readonly splits: Readonly<Record<SplitName, readonly string[]>>;
  /** The patient or sequence of a case, where the data set tells: cases of one group belong into one split. */
  readonly groups?: ReadonlyMap<string, string>;
  /** What was found in the files that the user should know and may have meant, a sentence each: such as cases left out. */
  readonly notes?: readonly string[];
  /** How the literature prepares these images for a network; a model trained on them stores it. */
  readonly preprocessing: Preprocessing;
  /** How volumes are read; a model trained on them stores it, and reads volumes likewise. Absent for photographs. */
  readonly volumes?: VolumeSlicing;
  /** How many slices a case has, without reading them. 1 for photographs. */
  depthOf(id: string): number;
  load(id: string): Promise<SegmentationCase>;
}

/** A slice as a network takes it: preprocessed. */
export interface SegmentationSample {
  readonly id: string;
  readonly height: number;
  readonly width: number;
  readonly imageChannels: number;
  /** [height, width, imageChannels] */
  readonly image: Float32Array;
  /** What lies outside of the image, one value a channel. */
  readonly outside: readonly number[];
  readonly classes: number;
  /** [height, width, classes] of 0 and 1; one-hot, with class 0 as background, for more than one class. */
  readonly mask: Float32Array;
  /** [height, width] of 0 and 1: where the camera saw something. */
  readonly fieldOfView?: Uint8Array;
  /** Another program's probabilities, [height, width, classes] in [0, 1]. */
  readonly prior?: Float32Array;
}

/** The slices of a data set, preprocessed for a network, by id. */
export interface SampleSource {
  readonly name: string;
  readonly imageChannels: number;
  readonly classes: number;
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
  /** Another program's probabilities, [batch, height, width, classes], where the data set has them. */
  readonly priors?: Float32Array;
}

/** An endless supply of batches, addressed by the training step. */
export interface BatchSource {
  /** The batch of `step` (0, 1, …): always the same one for the same options and seed. The arrays belong to the caller. */
  batch(step: number): Promise<Batch>;
  /** For how many milliseconds callers have waited for batches so far: what feeding them has cost. */
  readonly waited: number;
  /** Stops prefetching and releases the cached samples. */
  close(): Promise<void>;
}
