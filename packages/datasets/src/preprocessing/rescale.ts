import type { ImageStack, LabelStack } from "../types.ts";
import type { GridChange } from "./grid-change.ts";
import { type Grid, lazy, lazyImage, lazyLabels, type SpacedGrid } from "./lazy-stack.ts";
import type { Interpolation } from "./schema.ts";
import { splineCoefficients } from "./spline-coefficients.ts";
import { axisTaps, nearestIndices } from "./taps.ts";
import { zoom } from "./zoom.ts";

/**
 * Takes stacks of the grid of `source` to another size, and back to the exact old one, as {@link zoom} does.
 *
 * Slices are made one at a time. Along the depth, linear interpolation keeps the last two slices; cubic interpolation
 * needs the whole volume: it keeps `source.depth` slices of the new height and width in single precision.
 */
export function rescaleTo(source: ImageStack, findSize: () => Grid, interpolation: Interpolation): GridChange {
  const target = lazy(() => spaced(source, findSize()));
  return {
    image: (stack) => rescaleImage(stack, target, interpolation),
    map: (stack) => rescaleImage(stack, target, "linear"),
    labels: (stack) => rescaleLabels(stack, target),
    restoreLabels: (stack) => rescaleLabels(stack, () => source),
    restoreMap: (stack) => rescaleImage(stack, () => source, "linear"),
  };
}

/** Distances between voxel centres: the first and the last stay where they are, so that n voxels are n − 1 distances. */
function spaced(source: ImageStack, size: Grid): SpacedGrid {
  const distance = (old: number, count: number, newCount: number): number => {
    if (count === 1 || newCount === 1) return (old * count) / newCount;
    return (old * (count - 1)) / (newCount - 1);
  };
  const [depth, height, width] = source.spacing;
  return {
    depth: size.depth,
    height: size.height,
    width: size.width,
    spacing: [distance(depth, source.depth, size.depth), distance(height, source.height, size.height), distance(width, source.width, size.width)],
  };
}

function rescaleLabels(stack: LabelStack, target: () => Grid): LabelStack {
  const indices = lazy(() => ({
    slices: nearestIndices(stack.depth, target().depth),
    rows: nearestIndices(stack.height, target().height),
    columns: nearestIndices(stack.width, target().width),
  }));
  return lazyLabels(target, (index) => {
    const { slices, rows, columns } = indices();
    const from = stack.slice(slices[index]!);
    const to = new Uint8Array(rows.length * columns.length);
    const { width } = stack;
    for (let y = 0, i = 0; y < rows.length; y++) {
      const row = rows[y]! * width;
      for (let x = 0; x < columns.length; x++) to[i++] = from[row + columns[x]!]!;
    }
    return to;
  });
}

function rescaleImage(stack: ImageStack, target: () => SpacedGrid, interpolation: Interpolation): ImageStack {
  const plane = (index: number): Float32Array => {
    const { height, width } = target();
    return zoom(stack.slice(index), [stack.height, stack.width, stack.channels], [height, width, stack.channels], interpolation);
  };
  const slice = lazy(() => {
    if (target().depth === stack.depth) return plane;
    const { count, indices, weights } = axisTaps(stack.depth, target().depth, interpolation);
    const planes = interpolation === "cubic" ? depthCoefficients(stack.depth, plane) : recent(count, plane);
    return (index: number): Float32Array => {
      const taps = [...indices.subarray(index * count, (index + 1) * count)].map(planes);
      return weightedSum(taps, weights.subarray(index * count, (index + 1) * count));
    };
  });
  return lazyImage({
    grid: target,
    channels: stack.channels,
    range: stack.range,
    outside: () => stack.outside,
    slice: (index) => slice()(index),
  });
}

function weightedSum(planes: readonly Float32Array[], weights: Float64Array): Float32Array {
  if (planes.length === 1) return planes[0]!.slice();
  const sum = new Float64Array(planes[0]!.length);
  for (const [tap, plane] of planes.entries()) {
    const weight = weights[tap]!;
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + weight * plane[i]!;
  }
  return Float32Array.from(sum);
}

/** Keeps the last `count` planes that were asked for. */
function recent(count: number, plane: (index: number) => Float32Array): (index: number) => Float32Array {
  const kept = new Map<number, Float32Array>();
  return (index) => {
    const found = kept.get(index) ?? plane(index);
    kept.delete(index);
    kept.set(index, found);
    if (kept.size > count) kept.delete(kept.keys().next().value!);
    return found;
  };
}

/** How many numbers the filter along the depth holds in double precision at a time. */
const blockValues = 2 ** 20;

/** The planes, filtered along the depth when the first one is asked for. */
function depthCoefficients(depth: number, plane: (index: number) => Float32Array): (index: number) => Float32Array {
  const coefficients = lazy(() => {
    const planes = Array.from({ length: depth }, (_, index) => plane(index));
    const size = planes[0]!.length;
    const blockSize = Math.max(1, Math.floor(blockValues / depth));
    for (let start = 0; start < size; start += blockSize) {
      const inner = Math.min(blockSize, size - start);
      const block = new Float64Array(depth * inner);
      for (const [index, values] of planes.entries()) block.set(values.subarray(start, start + inner), index * inner);
      splineCoefficients(block, 1, depth, inner);
      for (const [index, values] of planes.entries()) values.set(block.subarray(index * inner, (index + 1) * inner), start);
    }
    return planes;
  });
  return (index) => coefficients()[index]!;
}
