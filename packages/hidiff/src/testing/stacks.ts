import { Generator } from "@hidiff/core-tensor";
import type { ImageStack, LabelStack, SegmentationCase } from "@hidiff/datasets";

interface Size {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
}

/** An image in memory. @param voxels [depth, height, width, channels] */
export function arrayStack(voxels: Float32Array, size: Size & { readonly channels?: number }, rest: Partial<ImageStack> = {}): ImageStack {
  const { depth, height, width, channels = 1 } = size;
  const length = height * width * channels;
  const slice = (index: number): Float32Array => voxels.slice(index * length, (index + 1) * length);
  return { depth, height, width, channels, spacing: [1, 1, 1], outside: new Array<number>(channels).fill(0), ...rest, slice };
}

/** Uniform noise in [-1, 1). */
export function noiseStack(size: Size & { readonly channels?: number }, seed: number | string = 1, rest: Partial<ImageStack> = {}): ImageStack {
  const { depth, height, width, channels = 1 } = size;
  return arrayStack(new Generator(seed).uniformArray(depth * height * width * channels, -1, 1), size, rest);
}

/** Balls of the classes 1 … `classes` − 1 in noise, each slightly brighter than the last. */
export function ballCase(id: string, size: Size, { classes = 2, spacing = [1, 1, 1] }: { classes?: number; spacing?: ImageStack["spacing"] } = {}): SegmentationCase {
  const { depth, height, width } = size;
  const generator = new Generator(`ball ${id}`);
  const labels = new Uint8Array(depth * height * width);
  for (let label = 1; label < classes; label++) {
    const centre = [depth, height, width].map((length) => generator.uniform(0.2 * length, 0.8 * length));
    const radius = generator.uniform(2, Math.max(3, height / 5));
    for (let voxel = 0; voxel < labels.length; voxel++) {
      const place = [Math.floor(voxel / (height * width)), Math.floor(voxel / width) % height, voxel % width];
      if (Math.hypot(...place.map((value, axis) => value - centre[axis]!)) < radius) labels[voxel] = label;
    }
  }
  const voxels = Float32Array.from(labels, (label) => label / classes + generator.normal(0, 0.2));
  return { id, image: arrayStack(voxels, size, { spacing }), labels: labelArray(labels, size) };
}

/** Labels in memory. @param labels [depth, height, width] */
export function labelArray(labels: Uint8Array, { depth, height, width }: Size): LabelStack {
  return { depth, height, width, slice: (index) => labels.slice(index * height * width, (index + 1) * height * width) };
}
