import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack, LabelStack } from "../types.ts";
import { checkLabels } from "./check-labels.ts";
import { type OrientedGrid, orientGrid, type Plane } from "./oriented-grid.ts";
import { type Volume, voxelCount } from "./volume.ts";

export type { Plane } from "./oriented-grid.ts";

export interface LabelGridOptions {
  /** How far spacing and origin may differ, in millimetres; direction cosines by the same number. Default 0.001. */
  readonly tolerance?: number;
}

/** A volume as slices in a standard order, and the way back to the order of its file. */
export interface OrientedVolume {
  /** Computed from the volume's voxels when asked for, with slope and intercept applied. */
  readonly image: ImageStack;
  /**
   * The slices of a label volume on the same grid.
   *
   * @throws `datasets.labels` if the grids differ, or the voxels are no class numbers 0 … 255
   */
  labels(volume: Volume, options?: LabelGridOptions): LabelStack;
  /** @returns [depth, height, width] in the file's order, for `writeLabelVolume` */
  restore(labels: LabelStack): Uint8Array;
  /** @returns [channels, depth, height, width] in the file's order, for `writeMapVolume` */
  restoreMap(stack: ImageStack): Float32Array;
}

/**
 * Cuts a volume into the slices of a plane without copying it, see {@link Plane}.
 *
 * What lies outside of the image is, for each channel, the smallest value of the volume: air for CT, 0 for most MRI.
 */
export function orientVolume(volume: Volume, plane: Plane = "axial"): OrientedVolume {
  const grid = orientGrid(volume.shape, volume.geometry, plane);
  const { depth, height, width } = grid;
  return {
    image: imageOf(volume, grid),
    labels: (labels, options = {}) => {
      checkLabels(volume, labels, options.tolerance ?? 1e-3);
      const { data, slope, intercept } = labels;
      return {
        depth,
        height,
        width,
        slice: (index) => {
          const slice = new Uint8Array(height * width);
          visit(grid, index, (at, pixel) => {
            slice[pixel] = Math.round(data[at]! * slope + intercept);
          });
          return slice;
        },
      };
    },
    restore: (labels) => {
      checkGrid("restore", volume, grid, labels);
      const result = new Uint8Array(voxelCount(volume.shape));
      for (let index = 0; index < depth; index++) {
        const slice = labels.slice(index);
        visit(grid, index, (at, pixel) => {
          result[at] = slice[pixel]!;
        });
      }
      return result;
    },
    restoreMap: (stack) => {
      checkGrid("restoreMap", volume, grid, stack);
      const voxels = voxelCount(volume.shape);
      const { channels } = stack;
      const result = new Float32Array(voxels * channels);
      for (let index = 0; index < depth; index++) {
        const slice = stack.slice(index);
        visit(grid, index, (at, pixel) => {
          for (let channel = 0; channel < channels; channel++) result[channel * voxels + at] = slice[pixel * channels + channel]!;
        });
      }
      return result;
    },
  };
}

function imageOf(volume: Volume, grid: OrientedGrid): ImageStack {
  const { channels, data, slope, intercept } = volume;
  const { depth, height, width, spacing } = grid;
  const voxels = voxelCount(volume.shape);
  let outside: readonly number[] | undefined;
  return {
    depth,
    height,
    width,
    channels,
    spacing,
    get outside() {
      outside ??= smallest(volume);
      return outside;
    },
    slice: (index) => {
      const slice = new Float32Array(height * width * channels);
      for (let channel = 0; channel < channels; channel++) {
        const first = channel * voxels;
        visit(grid, index, (at, pixel) => {
          slice[pixel * channels + channel] = data[first + at]! * slope + intercept;
        });
      }
      return slice;
    },
  };
}

/** Calls back for every pixel of a slice with the place of its voxel in a channel. */
function visit(grid: OrientedGrid, index: number, pixelAt: (at: number, pixel: number) => void): void {
  if (!Number.isInteger(index) || index < 0 || index >= grid.depth) {
    throw new HidiffError("datasets.option", `slice: expected an index from 0 to ${grid.depth - 1}, got ${index}.`);
  }
  const [alongDepth, alongHeight, alongWidth] = grid.strides;
  let pixel = 0;
  for (let y = 0; y < grid.height; y++) {
    let at = grid.offset + index * alongDepth + y * alongHeight;
    for (let x = 0; x < grid.width; x++, at += alongWidth) pixelAt(at, pixel++);
  }
}

function checkGrid(operation: string, volume: Volume, grid: OrientedGrid, stack: { depth: number; height: number; width: number }): void {
  if (stack.depth === grid.depth && stack.height === grid.height && stack.width === grid.width) return;
  const show = (size: { depth: number; height: number; width: number }): string => `${size.depth} slices of ${size.width}×${size.height}`;
  throw new HidiffError("datasets.size", `${operation}: "${volume.path}" has ${show(grid)} here; got ${show(stack)}. Undo the preprocessing first.`);
}

function smallest(volume: Volume): readonly number[] {
  const { channels, data, slope, intercept } = volume;
  const voxels = voxelCount(volume.shape);
  return Array.from({ length: channels }, (_, channel) => {
    let least = Infinity;
    let most = -Infinity;
    for (let at = channel * voxels; at < (channel + 1) * voxels; at++) {
      const value = data[at]!;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return Math.min(least * slope, most * slope) + intercept;
  });
}
