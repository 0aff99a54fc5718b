import type { RasterImage } from "@hidiff/datasets";
import { classColour } from "../bundle/class-colours.ts";
import type { SegmentedCrop } from "../training/look-at-crops.ts";

/** Pixels between crops, and their grey. */
const gap = 4;
const ground = 128;

/**
 * A picture of crops for people, a row each: image, truth, the segmentor's mask, the refined mask. Masks lie over the image,
 * in the colours of their classes.
 *
 * @param crops at least one, all of one size
 * @returns `[height, width, 3]` of 8 bits
 */
export function cropsPicture(crops: readonly SegmentedCrop[]): RasterImage & { readonly data: Uint8Array } {
  const { height, width } = crops[0]!;
  const rows = crops.map((crop) => {
    const image = display(crop);
    const { priorMask, mask } = crop.segmentation;
    return [image, overlay(image, crop.truth), overlay(image, priorMask), overlay(image, mask)];
  });
  const columns = rows[0]!.length;
  const whole = { height: rows.length * (height + gap) - gap, width: columns * (width + gap) - gap };
  const data = new Uint8Array(whole.height * whole.width * 3).fill(ground);
  for (const [row, panels] of rows.entries()) {
    for (const [column, panel] of panels.entries()) {
      for (let line = 0; line < height; line++) {
        const at = ((row * (height + gap) + line) * whole.width + column * (width + gap)) * 3;
        data.set(panel.subarray(line * width * 3, (line + 1) * width * 3), at);
      }
    }
  }
  return { ...whole, channels: 3, data };
}

/** Three channels as colours, else the last one as grey; from the 1st to the 99th percentile of the crop. */
function display({ height, width, image }: SegmentedCrop): Uint8Array {
  const channels = image.length / (height * width);
  const shown = channels === 3 ? image : image.filter((_, index) => index % channels === channels - 1);
  const sorted = shown.slice().sort();
  const at = (fraction: number): number => sorted[Math.round(fraction * (sorted.length - 1))]!;
  const [low, high] = [at(0.01), at(0.99)];
  const factor = high > low ? 255 / (high - low) : 0;
  const byte = (value: number): number => Math.min(255, Math.max(0, Math.round((value - low) * factor)));
  return Uint8Array.from({ length: height * width * 3 }, (_, index) => byte(shown[channels === 3 ? index : Math.floor(index / 3)]!));
}

/** Half image, half class colour where the mask has foreground. */
function overlay(picture: Uint8Array, mask: Uint8Array): Uint8Array {
  return picture.map((value, index) => {
    const label = mask[Math.floor(index / 3)]!;
    if (label === 0) return value;
    const colour = Number.parseInt(classColour(label).slice(1), 16);
    return Math.round((value + ((colour >> (16 - 8 * (index % 3))) & 255)) / 2);
  });
}
