import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Generator } from "@hidiff/core-tensor/random";

/** The strengths of torchvision's `ColorJitter`. */
export interface ColorJitterOptions {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** In turns of the colour circle, at most 0.5. */
  readonly hue: number;
}

/** The strengths of the method, section 8. */
export const colorJitterDefaults: ColorJitterOptions = { brightness: 0.4, contrast: 0.5, saturation: 0.25, hue: 0.01 };

/** How far cubic interpolation may carry values beyond [-1, 1] at an edge between black and white. */
const furthest = 1.6;

type Adjustment = "brightness" | "contrast" | "saturation" | "hue";
const adjustments: readonly Adjustment[] = ["brightness", "contrast", "saturation", "hue"];

/** One drawn jitter: factors around 1 (a shift around 0 for hue) and the order in which they apply. */
export interface ColorJitterParameters {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
  readonly order: readonly Adjustment[];
}

export function drawColorJitter(options: ColorJitterOptions, generator: Generator): ColorJitterParameters {
  const factor = (strength: number): number => generator.uniform(Math.max(0, 1 - strength), 1 + strength);
  return {
    brightness: factor(options.brightness),
    contrast: factor(options.contrast),
    saturation: factor(options.saturation),
    hue: generator.uniform(-options.hue, options.hue),
    order: Array.from(generator.permutation(4), (index) => adjustments[index]!),
  };
}

/**
 * Changes brightness, contrast, saturation and hue in place as torchvision does, on values scaled from [-1, 1] to [0, 1]
 * and clamped after each adjustment.
 *
 * @param image [height · width, channels] in [-1, 1], with 3 channels (RGB) or 1 (which has no saturation and hue); what
 * interpolation has carried a little beyond is clamped
 * @param inside [height · width]: the pixels whose mean grey the contrast pivots on; all of them where it is missing
 * @throws `datasets.channels` for another number of channels, `datasets.range` for values far beyond [-1, 1]
 */
export function colorJitter(
  image: Float32Array,
  channels: number,
  parameters: ColorJitterParameters,
  inside?: Uint8Array,
): void {
  if (channels !== 1 && channels !== 3) {
    throw new HidiffError(
      "datasets.channels",
      `colorJitter: expected an image of 3 channels (RGB) or 1, got ${channels}; leave colorJitter out for this data set.`,
    );
  }
  let largest = 0;
  for (let i = 0; i < image.length; i++) {
    const value = image[i]!;
    if (value > largest) largest = value;
    else if (-value > largest) largest = -value;
    image[i] = clamp((value + 1) / 2);
  }
  if (largest > furthest) {
    throw new HidiffError(
      "datasets.range",
      `colorJitter: expected values in [-1, 1], got up to ±${largest.toPrecision(3)}; scale images to that range ` +
        `(the preprocessing step "scale") or leave colorJitter out.`,
    );
  }
  for (const adjustment of parameters.order) {
    if (adjustment === "brightness") scale(image, parameters.brightness);
    else if (adjustment === "contrast") adjustContrast(image, channels, parameters.contrast, inside);
    else if (channels === 3 && adjustment === "saturation") adjustSaturation(image, parameters.saturation);
    else if (channels === 3) adjustHue(image, parameters.hue);
  }
  for (let i = 0; i < image.length; i++) image[i] = image[i]! * 2 - 1;
}

function scale(image: Float32Array, factor: number): void {
  for (let i = 0; i < image.length; i++) image[i] = clamp(image[i]! * factor);
}

function adjustContrast(image: Float32Array, channels: number, factor: number, inside: Uint8Array | undefined): void {
  let sum = 0;
  let count = 0;
  for (let pixel = 0, i = 0; i < image.length; pixel++, i += channels) {
    if (inside !== undefined && inside[pixel] === 0) continue;
    sum += channels === 1 ? image[i]! : grey(image[i]!, image[i + 1]!, image[i + 2]!);
    count++;
  }
  if (count === 0) return;
  const pivot = (1 - factor) * (sum / count);
  for (let i = 0; i < image.length; i++) image[i] = clamp(image[i]! * factor + pivot);
}

function adjustSaturation(image: Float32Array, factor: number): void {
  for (let i = 0; i < image.length; i += 3) {
    const pivot = (1 - factor) * grey(image[i]!, image[i + 1]!, image[i + 2]!);
    image[i] = clamp(image[i]! * factor + pivot);
    image[i + 1] = clamp(image[i + 1]! * factor + pivot);
    image[i + 2] = clamp(image[i + 2]! * factor + pivot);
  }
}

/** Turns the hue: RGB to hue, saturation, value and back. Grey pixels have none and stay. */
function adjustHue(image: Float32Array, shift: number): void {
  for (let i = 0; i < image.length; i += 3) {
    const red = image[i]!;
    const green = image[i + 1]!;
    const blue = image[i + 2]!;
    const value = Math.max(red, green, blue);
    const lowest = Math.min(red, green, blue);
    const chroma = value - lowest;
    if (chroma === 0) continue;
    let sector: number;
    if (value === red) sector = (green - blue) / chroma;
    else if (value === green) sector = (blue - red) / chroma + 2;
    else sector = (red - green) / chroma + 4;
    sector += 6 * shift;
    sector -= 6 * Math.floor(sector / 6);
    image[i] = value - chroma * hueWeight(sector + 5);
    image[i + 1] = value - chroma * hueWeight(sector + 3);
    image[i + 2] = value - chroma * hueWeight(sector + 1);
  }
}

/** How far a channel lies below the value, as a fraction of the chroma, at `k` sixths of the colour circle. */
function hueWeight(k: number): number {
  const wrapped = k >= 6 ? k - 6 : k;
  return Math.max(0, Math.min(wrapped, 4 - wrapped, 1));
}

function grey(red: number, green: number, blue: number): number {
  return 0.2989 * red + 0.587 * green + 0.114 * blue;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
