import type { ImageStack, LabelStack } from "../types.ts";

/** For tests: a stack of values held in an array, which counts how often each of its slices is read. */
interface CountingStack extends ImageStack {
  readonly reads: number[];
}

/** @param data [depth, height, width, channels] */
export function imageOf(
  [depth, height, width, channels]: readonly [number, number, number, number],
  data: ArrayLike<number>,
  more: Partial<Pick<ImageStack, "spacing" | "range" | "outside">> = {},
): CountingStack {
  const reads: number[] = Array.from({ length: depth }, () => 0);
  const size = height * width * channels;
  const values = Float32Array.from(data);
  return {
    depth,
    height,
    width,
    channels,
    spacing: [1, 1, 1],
    outside: Array.from({ length: channels }, () => 0),
    ...more,
    reads,
    slice(index) {
      reads[index]!++;
      return values.slice(index * size, (index + 1) * size);
    },
  };
}

/** @param data [depth, height, width] */
export function labelsOf([depth, height, width]: readonly [number, number, number], data: ArrayLike<number>): LabelStack {
  const values = Uint8Array.from(data);
  return { depth, height, width, slice: (index) => values.slice(index * height * width, (index + 1) * height * width) };
}

/** All slices' values, one after the other. */
export function valuesOf(stack: ImageStack | LabelStack): number[] {
  return Array.from({ length: stack.depth }, (_, index) => Array.from(stack.slice(index))).flat();
}
