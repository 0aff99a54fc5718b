import { HidiffError } from "@hidiff/core-tensor/errors";
import { readWholeFile } from "../files/read-file.ts";
import type { RasterImage } from "../types.ts";
import { decodeBmp } from "./bmp.ts";
import { type Fail, imageFailure } from "./fail.ts";
import { type ImageFormat, imageFormat } from "./image-format.ts";
import { decodeNetpbm } from "./netpbm.ts";
import { decodeWithSharp } from "./sharp-image.ts";

/**
 * Reads a PNG, JPEG, TIFF, GIF, WebP, BMP, PBM, PGM or PPM file (of several pages, the first) on the pixel grid it is
 * stored in: an orientation tag does not turn it, so that an image and its mask stay aligned. Its content decides the
 * format, not its name.
 *
 * Numbers are those of the file: color profiles are ignored. An alpha channel is dropped; palettes and CMYK become RGB (a
 * grey palette of a BMP one channel); grey images of fewer than 8 bits are scaled to 255, and PGM and PPM to 255 or 65535.
 *
 * @returns [height, width, channels] with 1 channel (grey) or 3 (RGB): a `Uint8Array`, or a `Uint16Array` for 16 bits
 * @throws `file.read` where the file cannot be read, `datasets.image` where it is no complete image of 8 or 16 bits, or one
 * of more than 16383² pixels
 */
export async function readImage(path: string): Promise<RasterImage> {
  return decodeFile(path, async (bytes, format, fail) => {
    if (format === "BMP") return decodeBmp(bytes, false, fail);
    if (format === "Netpbm") return decodeNetpbm(bytes, false, fail);
    const { width, height, channels, data } = await decodeWithSharp(bytes, fail);
    return { width, height, channels, data };
  });
}

/** Reads a file and decodes it; whatever goes wrong becomes an error that names the file. */
export async function decodeFile<T>(path: string, decode: (bytes: Uint8Array, format: ImageFormat, fail: Fail) => Promise<T>): Promise<T> {
  const bytes = await readWholeFile(path);
  const fail = imageFailure(path, bytes.length);
  const format = imageFormat(bytes) ?? fail(`${bytes.length === 0 ? "is empty: it " : ""}is no PNG, JPEG, TIFF, GIF, WebP, BMP, PBM, PGM or PPM image`);
  try {
    return await decode(bytes, format, fail);
  } catch (error) {
    if (error instanceof HidiffError) throw error;
    return fail(`is not a complete ${format} image: ${decoderComplaint(error)}`, error);
  }
}

/** What a decoder says, in one line and without what only concerns its own settings. */
function decoderComplaint(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split("\n").map((line) => line.trim());
  const known = lines.filter((line) => line !== "" && !line.includes("failOn setting")).map((line) => line.replace(/^Input buffer (contains|has) /, ""));
  return known.length === 0 ? "its data are damaged or end too early" : known.join("; ");
}
