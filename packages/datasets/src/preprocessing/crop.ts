import type { ImageStack } from "../types.ts";
import type { GridChange } from "./grid-change.ts";
import { type Grid, lazy, lazyImage, lazyLabels } from "./lazy-stack.ts";

/** A part of a grid: where it begins, and its size. */
export interface Box extends Grid {
  readonly front: number;
  readonly top: number;
  readonly left: number;
}

/** Cuts a box out of stacks of the grid of `source`; the way back fills up around it. */
export function cropTo(source: ImageStack, findBox: () => Box): GridChange {
  const box = lazy(findBox);
  const inside = (index: number): boolean => index >= box().front && index < box().front + box().depth;
  const image = (stack: ImageStack): ImageStack =>
    lazyImage({
      grid: () => ({ depth: box().depth, height: box().height, width: box().width, spacing: stack.spacing }),
      channels: stack.channels,
      range: stack.range,
      outside: () => stack.outside,
      slice(index) {
        const part = new Float32Array(box().height * box().width * stack.channels);
        cut(stack.slice(box().front + index), stack.width, part, box(), stack.channels);
        return part;
      },
    });
  return {
    image,
    map: image,
    labels: (stack) =>
      lazyLabels(box, (index) => {
        const part = new Uint8Array(box().height * box().width);
        cut(stack.slice(box().front + index), stack.width, part, box(), 1);
        return part;
      }),
    restoreLabels: (stack) =>
      lazyLabels(
        () => source,
        (index) => {
          const whole = new Uint8Array(source.height * source.width);
          if (inside(index)) paste(stack.slice(index - box().front), whole, source.width, box(), 1);
          return whole;
        },
      ),
    restoreMap: (stack) =>
      lazyImage({
        grid: () => source,
        channels: stack.channels,
        range: stack.range,
        outside: () => stack.outside,
        slice(index) {
          const { channels, outside } = stack;
          const whole = new Float32Array(source.height * source.width * channels);
          for (let i = 0; i < whole.length; i++) whole[i] = outside[i % channels] ?? 0;
          if (inside(index)) paste(stack.slice(index - box().front), whole, source.width, box(), channels);
          return whole;
        },
      }),
  };
}

/** `part` [height, width, channels] of the box becomes what `whole` [*, wholeWidth, channels] holds there. */
function cut<T extends Float32Array | Uint8Array>(whole: T, wholeWidth: number, part: T, box: Box, channels: number): void {
  const row = box.width * channels;
  for (let y = 0; y < box.height; y++) {
    const start = ((box.top + y) * wholeWidth + box.left) * channels;
    part.set(whole.subarray(start, start + row), y * row);
  }
}

/** The reverse of {@link cut}. */
function paste<T extends Float32Array | Uint8Array>(part: T, whole: T, wholeWidth: number, box: Box, channels: number): void {
  const row = box.width * channels;
  for (let y = 0; y < box.height; y++) {
    whole.set(part.subarray(y * row, (y + 1) * row), ((box.top + y) * wholeWidth + box.left) * channels);
  }
}
