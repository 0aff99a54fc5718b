import { HidiffError } from "@hidiff/core-tensor/errors";
import type { RasterImage, SegmentationSample } from "../types.ts";

/** A decoded file. */
interface NamedImage {
  readonly path: string;
  readonly image: RasterImage;
}

/**
 * A sample of one class from a decoded RGB image and its masks of 0 and 1. Throws `datasets.size` where their sizes
 * differ and `datasets.channels` where the image is not RGB; both name the files.
 */
export function binarySample(id: string, image: NamedImage, mask: NamedImage, fieldOfView?: NamedImage): SegmentationSample {
  const { width, height, channels } = image.image;
  if (channels !== 3) {
    throw new HidiffError("datasets.channels", `load: "${image.path}" has ${channels} channels; expected an RGB image (3).`);
  }
  for (const other of fieldOfView === undefined ? [mask] : [mask, fieldOfView]) {
    if (other.image.width !== width || other.image.height !== height) {
      throw new HidiffError(
        "datasets.size",
        `load: the mask "${other.path}" is ${other.image.width}×${other.image.height} but its image "${image.path}" is ` +
          `${width}×${height} pixels (width×height). Replace one of them by the original file.`,
      );
    }
  }
  return {
    id,
    height,
    width,
    imageChannels: channels,
    image: scaleToUnit(image.image.data),
    classes: 1,
    mask: Float32Array.from(mask.image.data),
    ...(fieldOfView === undefined ? {} : { fieldOfView: Uint8Array.from(fieldOfView.image.data) }),
    spacing: [1, 1],
  };
}

/** Integers of the full 8 or 16 bit range to [-1, 1]; floating-point data, in [0, 1], likewise. */
function scaleToUnit(data: RasterImage["data"]): Float32Array {
  const half = data instanceof Uint8Array ? 127.5 : data instanceof Uint16Array ? 32767.5 : 0.5;
  const scaled = new Float32Array(data.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = data[i]! / half - 1;
  return scaled;
}
