import type { ImageStack } from "../types.ts";

/** A stack beyond whose border other values lie: `outside` in every channel. */
export function withOutside({ depth, height, width, channels, spacing, range, slice }: ImageStack, outside: number): ImageStack {
  return { depth, height, width, channels, spacing, ...(range === undefined ? {} : { range }), outside: new Array<number>(channels).fill(outside), slice };
}
