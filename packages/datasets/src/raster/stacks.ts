import { HidiffError } from "@hidiff/core-tensor/errors";
import type { ImageStack, LabelStack, RasterImage } from "../types.ts";
import type { RasterMask } from "./read-mask.ts";

/**
 * A photograph as a stack of one slice, in the file's own units. Its range is that of the stored type (0 … 255, 0 … 65535,
 * or 0 … 1 for floating-point numbers), and outside of it lies black.
 */
export function imageStack(image: RasterImage): ImageStack {
  const { width, height, channels, data } = image;
  checkLength("imageStack", width * height * channels, data.length);
  const high = data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
  return {
    depth: 1,
    height,
    width,
    channels,
    spacing: [1, 1, 1],
    range: [0, high],
    outside: Array.from({ length: channels }, () => 0),
    slice: (index) => {
      checkIndex("imageStack", index);
      return Float32Array.from(data);
    },
  };
}

/** A mask or label map as a stack of one slice. */
export function labelStack(mask: RasterMask): LabelStack {
  const { width, height, data } = mask;
  checkLength("labelStack", width * height, data.length);
  return {
    depth: 1,
    height,
    width,
    slice: (index) => {
      checkIndex("labelStack", index);
      return Uint8Array.from(data);
    },
  };
}

function checkIndex(operation: string, index: number): void {
  if (index !== 0) throw new HidiffError("datasets.slice", `${operation}: there is slice 0 alone, got ${index}.`);
}

function checkLength(operation: string, expected: number, length: number): void {
  if (length !== expected) throw new HidiffError("datasets.size", `${operation}: the image has ${length} values, its size needs ${expected}.`);
}
