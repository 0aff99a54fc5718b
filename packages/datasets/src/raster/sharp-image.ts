import sharp from "sharp";
import type { RasterImage } from "../types.ts";
import { checkSize, type Fail, limitPixels } from "./fail.ts";

interface SharpImage extends RasterImage {
  /** Of one stored number, where the format tells: grey images of fewer than 8 bits are scaled to 255. */
  readonly bits: number | undefined;
}

/** Up to this many pixels a byte are believed beyond the first 2²⁴ pixels (a uniform image packs to next to nothing). */
const pixelsPerByte = 10_000;

/**
 * Decodes a PNG, JPEG, TIFF, GIF or WebP on its stored grid: an orientation tag does not turn it. Color profiles are
 * ignored, so that the numbers are those of the file, except that CMYK (by its own profile, if it has one) and other
 * spaces become sRGB.
 */
export async function decodeWithSharp(bytes: Uint8Array, fail: Fail): Promise<SharpImage> {
  const open = (ignoreIcc: boolean): sharp.Sharp => sharp(bytes, { limitInputPixels: limitPixels, ignoreIcc });
  const { width, height, space, depth, bitsPerSample, pages = 1 } = await open(true).metadata();
  checkSize(width, height, fail);
  if (width * height > 2 ** 24 + pixelsPerByte * bytes.length) fail(`claims to have ${width}×${height} pixels, which so few bytes do not hold`);
  if (depth !== "uchar" && depth !== "ushort") fail(`stores its pixels as "${depth}"; expected 8 or 16 bits`);
  if (pages > 1 && (await areSlices(bytes))) fail(`holds ${pages} images of one size; expected one, so save each as a file, or a volume as NIfTI`);
  const plain = space === "b-w" || space === "grey16" || space === "srgb" || space === "rgb16";
  const wide = depth === "ushort";
  const { data, info } = await open(plain)
    .removeAlpha()
    .toColourspace(plain ? space : wide ? "rgb16" : "srgb")
    .raw({ depth: wide ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 1 && info.channels !== 3) fail(`has ${info.channels} channels; expected 1 (grey) or 3 (RGB), with or without alpha`);
  if (data.length !== info.width * info.height * info.channels * (wide ? 2 : 1)) fail(`decodes to ${data.length} bytes, which do not fit its size`);
  // The copy frees the pixels from the decoder's pool and aligns them for 16 bits.
  const pixels = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return {
    width: info.width,
    height: info.height,
    channels: info.channels,
    data: wide ? new Uint16Array(pixels) : new Uint8Array(pixels),
    bits: bitsPerSample,
  };
}

/** Whether the pages of a file have one size, as the slices of a stack do. Smaller pages behind the first are previews. */
async function areSlices(bytes: Uint8Array): Promise<boolean> {
  return sharp(bytes, { pages: -1, limitInputPixels: false }).metadata().then(
    () => true,
    () => false,
  );
}
