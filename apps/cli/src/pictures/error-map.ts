import type { Colour } from "./colour.ts";
import type { Picture } from "./maps.ts";

/** Colours of {@link errorPicture}; what is rightly background is black. */
export const errorColours: Readonly<Record<"right" | "extra" | "missed", Colour>> = { right: [255, 255, 255], extra: [230, 60, 60], missed: [70, 130, 255] };

interface ErrorPictureInputs {
  /** Labels `[height, width]`. */
  readonly mask: Uint8Array;
  readonly truth: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** Only pixels that are 1 here are shown. */
  readonly region?: Uint8Array | undefined;
}

/**
 * Where a mask is right and wrong: white where its foreground is right, red where it has foreground (or a class) that the
 * truth has not, blue where it misses the truth's foreground.
 */
export function errorPicture({ mask, truth, height, width, region }: ErrorPictureInputs): Picture {
  const data = new Uint8Array(height * width * 3);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const colour = region?.[pixel] === 0 ? undefined : verdict(mask[pixel]!, truth[pixel]!);
    if (colour !== undefined) data.set(colour, pixel * 3);
  }
  return { height, width, channels: 3, data };
}

function verdict(found: number, expected: number): Colour | undefined {
  if (found === expected) return found === 0 ? undefined : errorColours.right;
  return found === 0 ? errorColours.missed : errorColours.extra;
}
