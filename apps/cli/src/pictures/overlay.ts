import type { RasterImage } from "@hidiff/datasets";
import type { Colour } from "./colour.ts";
import type { Picture } from "./maps.ts";

/** Half image, half class colour where the mask has foreground. */
export function overlayPicture(image: RasterImage, mask: Uint8Array, colours: ReadonlyMap<number, Colour>): Picture {
  const { height, width, channels, data } = image;
  const depth = data instanceof Uint16Array ? 257 : 1; // 65535 = 255 · 257
  const result = new Uint8Array(height * width * 3);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const label = mask[pixel]!;
    const colour = label === 0 ? undefined : colours.get(label);
    for (let c = 0; c < 3; c++) {
      const value = data[pixel * channels + (channels === 1 ? 0 : c)]! / depth;
      result[pixel * 3 + c] = Math.round(colour === undefined ? value : (value + colour[c]!) / 2);
    }
  }
  return { height, width, channels: 3, data: result };
}
