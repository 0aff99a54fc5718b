import type { SegmentationCase } from "@hidiff/datasets";
import sharp from "sharp";
import type { Colour } from "../pictures/colour.ts";
import { displayPicture } from "../pictures/display.ts";
import type { Picture } from "../pictures/maps.ts";
import { drawOutlines } from "../pictures/outline.ts";

/** Pictures are made smaller to this many pixels at most, and small ones larger by whole factors. */
const longestSide = 240;

/** One slice of a case with the outlines of its mask. */
export async function thumbnail({ image, labels }: Pick<SegmentationCase, "image" | "labels">, index: number, colourOf: (label: number) => Colour): Promise<Picture> {
  const picture = displayPicture(image.slice(index), image);
  const { height, width } = picture;
  const side = Math.max(height, width);
  const factor = side > longestSide ? longestSide / side : Math.max(1, Math.floor(longestSide / side));
  const size = { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
  const resized = await sharp(picture.data, { raw: { width, height, channels: 3 } })
    .resize({ ...size, fit: "fill", kernel: factor > 1 ? "nearest" : "lanczos3" })
    .raw()
    .toBuffer();
  const small: Picture = { ...size, channels: 3, data: new Uint8Array(resized) };
  drawOutlines(small, resizeLabels(labels.slice(index), picture, size), colourOf);
  return small;
}

/** Nearest neighbour, so that classes are not mixed. */
function resizeLabels(labels: Uint8Array, from: { readonly height: number; readonly width: number }, to: { readonly height: number; readonly width: number }): Uint8Array {
  const result = new Uint8Array(to.height * to.width);
  for (let row = 0, pixel = 0; row < to.height; row++) {
    const source = Math.floor(((row + 0.5) * from.height) / to.height) * from.width;
    for (let column = 0; column < to.width; column++, pixel++) {
      result[pixel] = labels[source + Math.floor(((column + 0.5) * from.width) / to.width)]!;
    }
  }
  return result;
}
