import type { ImageStack, LabelStack } from "../types.ts";

/** Of one channel's values. */
interface Moments {
  readonly count: number;
  /** 0 where there are no values. */
  readonly mean: number;
  /** Over `count`, as NumPy's default; exactly 0 for constant values, and where there are none. */
  readonly standardDeviation: number;
}

/**
 * Mean and standard deviation of every channel over the whole stack, or over where `region` is not 0. Every slice is read
 * once; sums are in double precision, about each slice's own mean, and are merged by the formula of Chan, Golub and
 * LeVeque (1979). Values are taken relative to the channel's first one, so that constant values have no spread at all.
 */
export function channelMoments(image: ImageStack, region: LabelStack | undefined): Moments[] {
  const { channels } = image;
  const all = Array.from({ length: channels }, () => ({ first: 0, count: 0, mean: 0, squares: 0 }));
  for (let index = 0; index < image.depth; index++) {
    const data = image.slice(index);
    const inside = region?.slice(index);
    for (const [channel, total] of all.entries()) merge(total, data, channel, channels, inside);
  }
  return all.map(({ first, count, mean, squares }) => ({
    count,
    mean: first + mean,
    standardDeviation: count === 0 ? 0 : Math.sqrt(squares / count),
  }));
}

interface RunningMoments {
  first: number;
  count: number;
  /** of the values minus `first` */
  mean: number;
  squares: number;
}

function merge(total: RunningMoments, data: Float32Array, channel: number, channels: number, inside: Uint8Array | undefined): void {
  let first = total.first;
  let count = 0;
  let sum = 0;
  for (let i = channel, pixel = 0; i < data.length; i += channels, pixel++) {
    if (inside !== undefined && inside[pixel] === 0) continue;
    if (total.count === 0 && count === 0) first = data[i]!;
    count++;
    sum += data[i]! - first;
  }
  if (count === 0) return;
  const mean = sum / count;
  let squares = 0;
  for (let i = channel, pixel = 0; i < data.length; i += channels, pixel++) {
    if (inside !== undefined && inside[pixel] === 0) continue;
    const difference = data[i]! - first - mean;
    squares += difference * difference;
  }
  const difference = mean - total.mean;
  const merged = total.count + count;
  total.squares += squares + (difference * difference * total.count * count) / merged;
  total.mean += (difference * count) / merged;
  total.count = merged;
  total.first = first;
}
