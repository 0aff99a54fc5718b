import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import sharp from "sharp";
import type { RasterImage } from "../types.ts";

/**
 * Writes a PNG of 8 bits (`Uint8Array`) or 16 bits (`Uint16Array`) with 1 channel (grey), 3 (RGB) or 4 (RGB and alpha).
 * The file appears complete or not at all.
 *
 * @throws `datasets.image` for data that a PNG cannot hold, `file.write` where it cannot be written
 */
export async function writePng(path: string, image: RasterImage): Promise<void> {
  const { width, height, channels, data } = image;
  if (data instanceof Float32Array || (channels !== 1 && channels !== 3 && channels !== 4)) {
    throw new HidiffError(
      "datasets.image",
      `writePng: a PNG holds Uint8Array or Uint16Array data of 1, 3 or 4 channels, got ${data.constructor.name} of ` +
        `${channels}. Scale and round the values, or write each channel by itself.`,
    );
  }
  if (width < 1 || height < 1 || data.length !== width * height * channels) {
    throw new HidiffError(
      "datasets.image",
      `writePng: expected ${height}×${width}×${channels} (height×width×channels) values of a non-empty image, got ${data.length}.`,
    );
  }
  const wide = data instanceof Uint16Array;
  const space = channels === 1 ? (wide ? "grey16" : "b-w") : wide ? "rgb16" : "srgb";
  const png = await sharp(data, { raw: { width, height, channels } }).toColourspace(space).png().toBuffer();
  await writeFileAtomic(path, png);
}
