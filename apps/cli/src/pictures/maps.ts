import type { RasterImage } from "@hidiff/datasets";

/** A picture of 8 bits. */
export interface Picture extends RasterImage {
  readonly data: Uint8Array;
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** A label map as a grey picture: black and white for one class, else the labels themselves. */
export function maskPicture(labels: Uint8Array, { height, width }: Size, classes: number): Picture {
  return { height, width, channels: 1, data: classes === 1 ? labels.map((label) => (label === 0 ? 0 : 255)) : labels };
}

/**
 * One channel of `[height, width, channels]` as a grey picture.
 *
 * @param white the value that becomes white; 0 becomes black
 */
export function greyPicture(values: Float32Array, { height, width }: Size, { channels, channel, white }: { channels: number; channel: number; white: number }): Picture {
  const data = Uint8Array.from({ length: height * width }, (_, pixel) => byte((255 * values[pixel * channels + channel]!) / white));
  return { height, width, channels: 1, data };
}

/** The largest variance that probabilities can have. */
export const largestVariance = 0.25;

function byte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}

/** Repeats every pixel `factor` times each way. */
export function enlarge({ height, width, channels, data }: Picture, factor: number): Picture {
  const wide = width * factor;
  const result = new Uint8Array(height * factor * wide * channels);
  for (let row = 0; row < height * factor; row++) {
    for (let column = 0; column < wide; column++) {
      const source = (Math.floor(row / factor) * width + Math.floor(column / factor)) * channels;
      const target = (row * wide + column) * channels;
      for (let channel = 0; channel < channels; channel++) result[target + channel] = data[source + channel]!;
    }
  }
  return { height: height * factor, width: wide, channels, data: result };
}
