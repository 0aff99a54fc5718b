import type { Colour } from "./colour.ts";
import type { Picture } from "./maps.ts";

/** A label map in the classes' colours, on black. */
export function labelPicture(labels: Uint8Array, { height, width }: { readonly height: number; readonly width: number }, colourOf: (label: number) => Colour): Picture {
  const data = new Uint8Array(height * width * 3);
  for (const [pixel, label] of labels.entries()) if (label !== 0) data.set(colourOf(label), pixel * 3);
  return { height, width, channels: 3, data };
}
