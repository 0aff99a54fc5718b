import { readFile } from "node:fs/promises";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";
import sharp from "sharp";
import type { RasterImage } from "../types.ts";

/**
 * Reads a TIFF, PNG, JPEG, GIF or WebP file (of several pages, the first) on the pixel grid it is stored in: an
 * orientation tag does not turn it, so that an image and its mask stay aligned. An alpha channel is dropped.
 *
 * @returns [height, width, channels] with 1 channel (grey) or 3 (RGB): a `Uint8Array`, or a `Uint16Array` for 16 bits
 * @throws `file.read` where the file cannot be read, `datasets.image` where it is no complete image of 8 or 16 bits
 */
export async function readImage(path: string): Promise<RasterImage> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError("read", path, error);
  });
  try {
    const { space, depth } = await sharp(bytes).metadata();
    if (depth !== "uchar" && depth !== "ushort") {
      throw new HidiffError(
        "datasets.image",
        `readImage: "${path}" stores its pixels as "${depth}"; expected 8 or 16 bits. Convert it to PNG or TIFF of such.`,
      );
    }
    const { data, info } = await sharp(bytes)
      .removeAlpha()
      .toColourspace(space)
      .raw({ depth })
      .toBuffer({ resolveWithObject: true });
    // The copy frees the pixels from the decoder's pool and aligns them for 16 bits.
    const pixels = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    return {
      width: info.width,
      height: info.height,
      channels: info.channels,
      data: depth === "ushort" ? new Uint16Array(pixels) : new Uint8Array(pixels),
    };
  } catch (error) {
    if (error instanceof HidiffError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new HidiffError(
      "datasets.image",
      `readImage: "${path}" (${bytes.length} bytes) is not a complete TIFF, PNG, JPEG, GIF or WebP image: ${reason}. ` +
        `Copy or download the file again.`,
      { cause: error },
    );
  }
}
