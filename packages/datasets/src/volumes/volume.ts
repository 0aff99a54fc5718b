import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Geometry, VoxelArray } from "../types.ts";

/** The shape of one channel of a volume in the order of its file: slices, rows, columns (k, j, i). */
export type VolumeShape = readonly [depth: number, height: number, width: number];

/** The DICOM files that an image was read from. */
export interface DicomSource {
  /** The files in the order of the slices. */
  readonly instances: readonly {
    readonly path: string;
    readonly sopClass: string;
    readonly sopInstance: string;
    /** ImagePositionPatient, where the file tells. */
    readonly position: readonly number[] | undefined;
  }[];
  readonly series: string;
  readonly frameOfReference: string | undefined;
  /** ImageOrientationPatient, where the files tell. */
  readonly orientation: readonly number[] | undefined;
  /** Between rows, then between columns, in millimetres, where the files tell. */
  readonly pixelSpacing: readonly number[] | undefined;
  /** Patient and study of the first file: the values as stored, by tag. */
  readonly study: ReadonlyMap<number, Uint8Array>;
}

/** A volume as its file stores it. Real values are `slope · stored + intercept`. */
export interface Volume {
  /** The file (of DICOM, the only slice), or the folder of a DICOM series. */
  readonly path: string;
  readonly format: "nifti" | "nrrd" | "meta" | "dicom";
  readonly shape: VolumeShape;
  readonly channels: number;
  /** [channels, depth, height, width] */
  readonly data: VoxelArray;
  readonly slope: number;
  readonly intercept: number;
  readonly geometry: Geometry;
  /** The header of a NIfTI file as it was stored (348 or 540 bytes, in the file's byte order). */
  readonly header?: Uint8Array;
  /** Of a volume that was read from DICOM files: which ones. */
  readonly dicom?: DicomSource;
}

/** What is known of a volume without its voxels. */
export type VolumeHeader = Omit<Volume, "data">;

/** How many voxels a channel has. */
export function voxelCount(shape: VolumeShape): number {
  return shape[0] * shape[1] * shape[2];
}

/** A shape or grid for messages: columns × rows × slices, as viewers show it. */
export function describeShape(shape: VolumeShape): string {
  return `${shape[2]}×${shape[1]}×${shape[0]}`;
}

/**
 * Checks that every voxel is a finite number.
 *
 * @throws `datasets.voxels` that counts the NaN and infinite voxels and says where the first one is
 */
export function checkFinite(volume: Volume): void {
  const { data, shape } = volume;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  let count = 0;
  let first = -1;
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value - value === 0) continue; // NaN for NaN and the infinities
    if (count === 0) first = index;
    count++;
  }
  if (count === 0) return;
  const size = voxelCount(shape);
  const voxel = first % size;
  const [i, j, k] = [voxel % shape[2], Math.floor(voxel / shape[2]) % shape[1], Math.floor(voxel / (shape[1] * shape[2]))];
  const channel = volume.channels === 1 ? "" : ` of channel ${Math.floor(first / size)}`;
  throw new HidiffError(
    "datasets.voxels",
    `readVolume: expected finite voxels in "${volume.path}", but ${count} of ${data.length} are NaN or infinite, the first ` +
      `(${data[first]}) at column ${i}, row ${j}, slice ${k}${channel}. Replace them, for example by the background's value.`,
  );
}
