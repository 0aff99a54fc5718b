import { HidiffError, type Tensor4D } from "@hidiff/core-tensor";

/**
 * Checks that `image` is `[batch, height, width, imageChannels]` with sides that are multiples of the largest stride.
 *
 * @param name how errors call the network
 * @throws HidiffError `segmentor.image`, naming the padded size to use
 */
export function requireImage(name: string, image: Tensor4D, imageChannels: number, largestStride: number = 32): void {
  const [, height, width, channels] = image.shape;
  if (image.rank !== 4 || channels !== imageChannels) {
    throw new HidiffError(
      "segmentor.image",
      `${name}: expected an image [batch, height, width, ${imageChannels}], got [${image.shape}]; ` +
        "check imageChannels and that channels come last.",
    );
  }
  if (height === 0 || width === 0 || height % largestStride !== 0 || width % largestStride !== 0) {
    const padded = [height, width].map((side) => Math.max(1, Math.ceil(side / largestStride)) * largestStride);
    throw new HidiffError(
      "segmentor.image",
      `${name}: expected height and width to be multiples of ${largestStride}, got ${height}×${width}; ` +
        `pad the image to ${padded.join("×")} and crop the result.`,
    );
  }
}
