import type { DrawnVolume } from "../drawn-volume.ts";

/** All slices of a drawn volume. */
export interface WholeVolume {
  readonly shape: readonly [depth: number, height: number, width: number];
  readonly spacing: readonly [number, number, number];
  /** One array a channel: [depth, height, width] */
  readonly channels: readonly Float32Array[];
  /** [depth, height, width] */
  readonly labels: Uint8Array;
}

export function drawWhole(volume: DrawnVolume): WholeVolume {
  const { depth, height, width, spacing } = volume;
  const area = height * width;
  const channels = Array.from({ length: volume.channels }, () => new Float32Array(depth * area));
  const labels = new Uint8Array(depth * area);
  for (let index = 0; index < depth; index++) {
    const slice = volume.slice(index);
    labels.set(slice.labels, index * area);
    for (const [channel, values] of channels.entries()) {
      for (let pixel = 0; pixel < area; pixel++) values[index * area + pixel] = slice.image[pixel * channels.length + channel]!;
    }
  }
  return { shape: [depth, height, width], spacing, channels, labels };
}
