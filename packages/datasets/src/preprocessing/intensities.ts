import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack, LabelStack } from "../types.ts";
import { lazy, lazyImage } from "./lazy-stack.ts";

/** value → (value limited to [low, high] − base) · factor + offset */
interface IntensityMap {
  readonly low: number;
  readonly high: number;
  readonly base: number;
  readonly factor: number;
  readonly offset: number;
}

/** Maps [low, high] to `to`, without limits. */
export function linearMap([low, high]: readonly [number, number], to: readonly [number, number]): IntensityMap {
  return { low: -Infinity, high: Infinity, base: low, factor: (to[1] - to[0]) / (high - low), offset: to[0] };
}

/** Limits values to [low, high], then maps that interval to `to`, if given. */
export function clippingMap(low: number, high: number, to: readonly [number, number] | undefined): IntensityMap {
  return to === undefined ? { low, high, base: 0, factor: 1, offset: 0 } : { ...linearMap([low, high], to), low, high };
}

/** Maps everything to one value. */
export function constantMap(value: number): IntensityMap {
  return { low: 0, high: 0, base: 0, factor: 0, offset: value };
}

/** How {@link mapIntensities} maps. */
interface IntensityMapping {
  /** One a channel, found when first needed. */
  maps(): readonly IntensityMap[];
  /** Where this is 0, and outside of the image, values become 0. */
  readonly within?: LabelStack | undefined;
  /** Whether the values stay in the units of the stored type, so that the stack keeps its `range`. */
  readonly keepsRange?: boolean;
}

/** A stack of the same grid with other values. */
export function mapIntensities(image: ImageStack, { maps: findMaps, within, keepsRange = false }: IntensityMapping): ImageStack {
  const maps = lazy(findMaps);
  return lazyImage({
    grid: () => image,
    channels: image.channels,
    range: keepsRange ? image.range : undefined,
    outside: lazy(() => (within === undefined ? image.outside.map((value, channel) => mapped(value, maps()[channel]!)) : image.outside.map(() => 0))),
    slice(index) {
      const channelMaps = maps(); // first, so that a pass for statistics reads this slice before its region is asked for
      const data = image.slice(index);
      for (const [channel, map] of channelMaps.entries()) mapChannel(data, channel, image.channels, map);
      if (within !== undefined) clearOutside(data, within.slice(index), image.channels);
      return data;
    },
  });
}

function mapped(value: number, { low, high, base, factor, offset }: IntensityMap): number {
  return (Math.min(Math.max(value, low), high) - base) * factor + offset;
}

function mapChannel(data: Float32Array, channel: number, channels: number, { low, high, base, factor, offset }: IntensityMap): void {
  for (let i = channel; i < data.length; i += channels) data[i] = (Math.min(Math.max(data[i]!, low), high) - base) * factor + offset;
}

function clearOutside(data: Float32Array, region: Uint8Array, channels: number): void {
  for (let pixel = 0; pixel < region.length; pixel++) if (region[pixel] === 0) data.fill(0, pixel * channels, (pixel + 1) * channels);
}

/** Says that a channel has no statistics. */
export function notFinite(operation: string, channel: number): HidiffError {
  return new HidiffError(
    "datasets.preprocessing",
    `preprocess: ${operation} expects finite numbers, and channel ${channel} of the image has infinite values or values that are no numbers; ` +
      `correct the image's file.`,
  );
}
