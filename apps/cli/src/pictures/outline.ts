import type { Colour } from "./colour.ts";
import type { Picture } from "./maps.ts";

/** Draws the outline of every class into a picture of three channels, in place: the pixels at whose side another class begins. */
export function drawOutlines(picture: Picture, labels: Uint8Array, colourOf: (label: number) => Colour): void {
  const { height, width, data } = picture;
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      const label = labels[pixel]!;
      if (label === 0) continue;
      const inside =
        row > 0 && labels[pixel - width] === label &&
        row < height - 1 && labels[pixel + width] === label &&
        column > 0 && labels[pixel - 1] === label &&
        column < width - 1 && labels[pixel + 1] === label;
      if (!inside) data.set(colourOf(label), pixel * 3);
    }
  }
}
