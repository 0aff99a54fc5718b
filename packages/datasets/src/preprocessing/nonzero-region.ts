import type { ImageStack, LabelStack } from "../types.ts";
import { lazyImage, lazyLabels } from "./lazy-stack.ts";

/**
 * Where any channel of an image differs from 0: 1, else 0. The voxels of each slice are looked at when the slice is
 * first read and kept as one bit each, so that no slice has to be read again for its region.
 *
 * @returns the image to read instead of the given one, and its region
 */
export function recordNonzero(image: ImageStack): { readonly image: ImageStack; readonly nonzero: LabelStack } {
  const { channels } = image;
  const bits = new Map<number, Uint8Array>();
  const read = (index: number): Float32Array => {
    const data = image.slice(index);
    if (!bits.has(index)) bits.set(index, nonzeroBits(data, channels));
    return data;
  };
  return {
    image: lazyImage({ grid: () => image, channels, range: image.range, outside: () => image.outside, slice: read }),
    nonzero: lazyLabels(
      () => image,
      (index) => {
        if (!bits.has(index)) read(index);
        const packed = bits.get(index)!;
        const region = new Uint8Array(image.height * image.width);
        for (let i = 0; i < region.length; i++) region[i] = (packed[i >> 3]! >> (i & 7)) & 1;
        return region;
      },
    ),
  };
}

function nonzeroBits(data: Float32Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const bits = new Uint8Array(Math.ceil(pixels / 8));
  for (let pixel = 0, i = 0; pixel < pixels; pixel++) {
    let any = 0;
    for (const end = i + channels; i < end; i++) if (data[i] !== 0) any = 1;
    bits[pixel >> 3] = bits[pixel >> 3]! | (any << (pixel & 7));
  }
  return bits;
}
