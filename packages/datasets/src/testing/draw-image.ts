import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import sharp from "sharp";

export interface DrawOptions {
  /** Default 3. */
  readonly channels?: 1 | 3;
  /** Default 6. */
  readonly width?: number;
  /** Default 4. */
  readonly height?: number;
  /** The value of the right half; the left one is 0. Default 255. */
  readonly value?: number;
}

/** Writes a small image of the format that the path's extension tells, with its folders. */
export async function drawImage(path: string, options: DrawOptions = {}): Promise<void> {
  const { channels = 3, width = 6, height = 4, value = 255 } = options;
  await mkdir(dirname(path), { recursive: true });
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (Math.floor(i / channels) % width >= width / 2 ? value : 0));
  await sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .toFile(path);
}
