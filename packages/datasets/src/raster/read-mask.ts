import type { RasterImage } from "../types.ts";
import { readImage } from "./read-image.ts";

export interface ReadMaskOptions {
  /** Pixels above this value, in the file's own units, are foreground. Default 127, which also undoes JPEG noise. */
  readonly threshold?: number;
}

/** A mask of one channel. */
export interface RasterMask extends RasterImage {
  readonly channels: 1;
  /** [height, width, 1] of 0 and 1 */
  readonly data: Uint8Array;
}

/**
 * Reads a mask: 1 where the mean of the pixel's channels exceeds the threshold, otherwise 0.
 *
 * @throws as {@link readImage}
 */
export async function readMask(path: string, options: ReadMaskOptions = {}): Promise<RasterMask> {
  const { width, height, channels, data } = await readImage(path);
  const limit = (options.threshold ?? 127) * channels;
  const mask = new Uint8Array(width * height);
  for (let pixel = 0, i = 0; pixel < mask.length; pixel++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += data[i++]!;
    mask[pixel] = sum > limit ? 1 : 0;
  }
  return { width, height, channels: 1, data: mask };
}
