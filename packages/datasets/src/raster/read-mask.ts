import { HidiffError } from "@hidiff/core-tensor/errors";
import type { RasterImage } from "../types.ts";
import { readImage } from "./read-image.ts";

export interface ReadMaskOptions {
  /**
   * Pixels above this value, in the file's own units, are foreground. Default 127, which also undoes JPEG noise; then
   * images that are plainly no masks of black and white are refused.
   */
  readonly threshold?: number;
}

/** A mask of one channel. */
export interface RasterMask extends RasterImage {
  readonly channels: 1;
  /** [height, width, 1] of 0 and 1 */
  readonly data: Uint8Array;
}

/**
 * The share of pixels between black and white (1/8 to 7/8 of the range) beyond which an image is no mask: the masks of
 * Kvasir-SEG have none, soft edges make a few per cent, and its darkest photographs have 45 %.
 */
const mostGrey = 0.25;

/**
 * Reads a mask: 1 where the mean of the pixel's channels exceeds the threshold, otherwise 0.
 *
 * @throws as {@link readImage}, and `datasets.mask` for a mask that the threshold would empty although it has other values
 * than 0 (such as one of 0 and 1), and without a threshold of your own for a photograph
 */
export async function readMask(path: string, options: ReadMaskOptions = {}): Promise<RasterMask> {
  const { width, height, channels, data } = await readImage(path);
  const { threshold = 127 } = options;
  const range = data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
  const mask = new Uint8Array(width * height);
  let foreground = 0;
  let grey = 0;
  let largest = 0;
  for (let pixel = 0, i = 0; pixel < mask.length; pixel++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += data[i++]!;
    const mean = sum / channels;
    if (mean > largest) largest = mean;
    if (mean > range / 8 && mean < (range * 7) / 8) grey++;
    if (mean <= threshold) continue;
    mask[pixel] = 1;
    foreground++;
  }
  if (foreground === 0 && largest > 0 && (options.threshold === undefined || largest <= 1)) {
    throw new HidiffError(
      "datasets.mask",
      `readMask: "${path}" has no pixel above the threshold ${threshold}, but is not empty: its largest value is ${Number(largest.toFixed(2))}. ` +
        `Give a lower threshold, or the values of its classes, or save it with 0 and ${range}.`,
    );
  }
  if (options.threshold === undefined && grey > mostGrey * mask.length) {
    throw new HidiffError(
      "datasets.mask",
      `readMask: "${path}" is no mask of black and white: ${Math.round((100 * grey) / mask.length)} % of its pixels are grey or coloured. Are images and masks ` +
        `interchanged? If it is a mask, give the threshold above which it is foreground.`,
    );
  }
  return { width, height, channels: 1, data: mask };
}
