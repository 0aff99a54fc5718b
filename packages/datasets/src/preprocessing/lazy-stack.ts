import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack, LabelStack } from "../types.ts";

/** The size of a stack, in voxels. */
export interface Grid {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
}

/** A grid with the distances between its voxels, in millimetres. */
export interface SpacedGrid extends Grid {
  readonly spacing: readonly [number, number, number];
}

/** Calls `compute` when the value is first needed, and keeps it. */
export function lazy<T>(compute: () => T): () => T {
  let kept: { value: T } | undefined;
  return () => (kept ??= { value: compute() }).value;
}

/** What {@link lazyImage} makes a stack of. What it takes from the image's voxels is a function, called when needed. */
interface ImageParts {
  readonly grid: () => SpacedGrid;
  readonly channels: number;
  readonly range: readonly [number, number] | undefined;
  readonly outside: () => readonly number[];
  slice(index: number): Float32Array;
}

/** A stack whose size, outside and slices are found when they are asked for. */
export function lazyImage({ grid, channels, range, outside, slice }: ImageParts): ImageStack {
  return {
    get depth() {
      return grid().depth;
    },
    get height() {
      return grid().height;
    },
    get width() {
      return grid().width;
    },
    get spacing() {
      return grid().spacing;
    },
    get outside() {
      return outside();
    },
    channels,
    ...(range === undefined ? {} : { range }),
    slice: (index) => slice(checkIndex(index, grid().depth)),
  };
}

/** As {@link lazyImage}, for labels. */
export function lazyLabels(grid: () => Grid, slice: (index: number) => Uint8Array): LabelStack {
  return {
    get depth() {
      return grid().depth;
    },
    get height() {
      return grid().height;
    },
    get width() {
      return grid().width;
    },
    slice: (index) => slice(checkIndex(index, grid().depth)),
  };
}

function checkIndex(index: number, depth: number): number {
  if (Number.isInteger(index) && index >= 0 && index < depth) return index;
  throw new HidiffError("datasets.preprocessing", `slice: a preprocessed stack of ${depth} slices has no slice ${index}; ask for 0 to ${depth - 1}.`);
}

/** "12 × 256 × 256", the depth first */
export function sizeText({ depth, height, width }: Grid): string {
  return `${depth} × ${height} × ${width}`;
}
