import { labelMap, type RefinementStep } from "hidiff";
import type { Colour } from "../pictures/colour.ts";
import { type EmbeddedPicture, embedSheet } from "../pictures/embed.ts";
import { labelPicture } from "../pictures/label-colours.ts";
import type { Picture } from "../pictures/maps.ts";

/** The refinement of a slice: one picture of all steps, the latent masks in the first row and the estimates in the second. */
export interface Film {
  readonly sheet: EmbeddedPicture;
  /** From the first step to the last. */
  readonly steps: readonly number[];
  /** The side in pixels of what is shown of larger images: where the estimate changed most. */
  readonly detail: number | undefined;
}

/** A step in a byte a pixel: of one class its shade, of several the label. */
export interface StoredStep {
  readonly t: number;
  readonly height: number;
  readonly width: number;
  readonly latent: Uint8Array;
  readonly estimate: Uint8Array;
}

/** Of larger images a part of this size is shown. */
const frameSide = 160;

export function storeStep({ t, height, width, yt, y0Hat }: RefinementStep): StoredStep {
  const classes = yt.length / (height * width);
  const store = (values: Float32Array): Uint8Array => (classes === 1 ? Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round(255 * value)))) : labelMap(values, classes));
  return { t, height, width, latent: store(yt), estimate: store(y0Hat) };
}

/** @param colourOf the classes' colours; undefined for models of one class, whose steps are shades of grey */
export async function makeFilm(steps: readonly StoredStep[], colourOf: ((label: number) => Colour) | undefined): Promise<Film> {
  const { height, width, estimate } = steps[0]!;
  const size = { height: Math.min(height, frameSide), width: Math.min(width, frameSide) };
  const corner = mostChanged(estimate, steps.at(-1)!.estimate, { height, width }, size);
  const frame = (values: Uint8Array): Picture => {
    const part = cut(values, width, corner, size);
    return labelPicture(part, size, colourOf ?? ((shade) => [shade, shade, shade]));
  };
  const sheet = await embedSheet([steps.map(({ latent }) => frame(latent)), steps.map((step) => frame(step.estimate))]);
  return { sheet, steps: steps.map(({ t }) => t), detail: height > frameSide || width > frameSide ? frameSide : undefined };
}

interface Size {
  readonly height: number;
  readonly width: number;
}

interface Corner {
  readonly top: number;
  readonly left: number;
}

/** Where a window of some size sees the largest change, looked for in steps of about a quarter of its side. */
function mostChanged(first: Uint8Array, last: Uint8Array, image: Size, window: Size): Corner {
  const places = (whole: number, part: number): number[] => {
    const room = whole - part;
    const count = Math.ceil((4 * room) / part);
    return Array.from({ length: count + 1 }, (_, index) => (count === 0 ? 0 : Math.round((room * index) / count)));
  };
  let best: Corner & { changed: number } = { top: 0, left: 0, changed: -1 };
  for (const top of places(image.height, window.height)) {
    for (const left of places(image.width, window.width)) {
      let changed = 0;
      for (let row = top; row < top + window.height; row++) {
        for (let pixel = row * image.width + left; pixel < row * image.width + left + window.width; pixel++) {
          changed += Math.abs(first[pixel]! - last[pixel]!);
        }
      }
      if (changed > best.changed) best = { top, left, changed };
    }
  }
  return best;
}

function cut(values: Uint8Array, stride: number, { top, left }: Corner, { height, width }: Size): Uint8Array {
  const part = new Uint8Array(height * width);
  for (let row = 0; row < height; row++) part.set(values.subarray((top + row) * stride + left, (top + row) * stride + left + width), row * width);
  return part;
}
