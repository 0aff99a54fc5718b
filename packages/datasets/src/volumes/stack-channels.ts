import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack } from "../types.ts";

/**
 * Joins stacks of one grid into one with all their channels, in order: such as the sequences of an MRI examination that
 * are files of their own.
 *
 * @throws `datasets.size` for stacks of different sizes or spacings, or none
 */
export function stackChannels(stacks: readonly ImageStack[]): ImageStack {
  const first = stacks[0];
  if (first === undefined) throw new HidiffError("datasets.size", "stackChannels: expected at least one stack, got none.");
  const describe = (stack: ImageStack): string =>
    `${stack.width}×${stack.height}×${stack.depth} voxels of ${stack.spacing.map((value) => Number(value.toFixed(4))).join("×")} mm (depth, height, width)`;
  for (const [index, stack] of stacks.entries()) {
    const same = stack.depth === first.depth && stack.height === first.height && stack.width === first.width;
    const close = stack.spacing.every((value, axis) => Math.abs(value - first.spacing[axis]!) <= 1e-3);
    if (same && close) continue;
    throw new HidiffError(
      "datasets.size",
      `stackChannels: stack 0 has ${describe(first)}, but stack ${index} ${describe(stack)}. Resample the files to one grid first.`,
    );
  }
  const { range } = first;
  const sameRange = stacks.every((stack) => stack.range?.[0] === range?.[0] && stack.range?.[1] === range?.[1]);
  const channels = stacks.reduce((sum, stack) => sum + stack.channels, 0);
  return {
    depth: first.depth,
    height: first.height,
    width: first.width,
    channels,
    spacing: first.spacing,
    ...(range !== undefined && sameRange ? { range } : {}),
    get outside() {
      return stacks.flatMap((stack) => stack.outside);
    },
    slice: (index) => {
      const result = new Float32Array(first.height * first.width * channels);
      let offset = 0;
      for (const stack of stacks) {
        const slice = stack.slice(index);
        const own = stack.channels;
        for (let pixel = 0; pixel < first.height * first.width; pixel++) {
          for (let channel = 0; channel < own; channel++) result[pixel * channels + offset + channel] = slice[pixel * own + channel]!;
        }
        offset += own;
      }
      return result;
    },
  };
}
