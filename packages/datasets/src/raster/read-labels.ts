import { HidiffError } from "@hidiff/core-tensor/errors";
import type { RasterImage } from "../types.ts";
import { decodeBmp } from "./bmp.ts";
import type { Fail } from "./fail.ts";
import type { ImageFormat } from "./image-format.ts";
import { decodeNetpbm } from "./netpbm.ts";
import { labelOfIndex } from "./palette.ts";
import { isPalettePng, readPalettePng } from "./palette-png.ts";
import { decodeFile } from "./read-image.ts";
import type { RasterMask } from "./read-mask.ts";
import { decodeWithSharp } from "./sharp-image.ts";

export interface ReadLabelsOptions {
  /** The class of each number in the file. Without it, the numbers are the classes. */
  readonly values?: ReadonlyMap<number, number>;
}

/** How many unknown values an error lists. */
const listed = 10;

/**
 * Reads a label map: the numbers that a grey image stores, which are class numbers or are mapped to them. They are taken as
 * stored: not scaled for images of fewer than 8 bits (1 is white where there is one bit) or for PGM, and the indices of a
 * palette PNG or BMP. A color image whose channels are equal counts as grey.
 *
 * @returns [height, width, 1] of classes
 * @throws as `readImage`, and `datasets.labels` for a color image and for numbers that are no class (it lists them),
 * `datasets.option` for classes in `values` that are no integers from 0 to 255
 */
export async function readLabels(path: string, options: ReadLabelsOptions = {}): Promise<RasterMask> {
  const { values } = options;
  for (const label of values?.values() ?? []) {
    if (!Number.isInteger(label) || label < 0 || label > 255) {
      throw new HidiffError("datasets.option", `readLabels: values must map to class numbers from 0 to 255, got ${label}.`);
    }
  }
  const { format, stored } = await decodeFile(path, async (bytes, format, fail) => {
    return { format, stored: await decodeStored(bytes, format, fail) };
  });
  const { width, height, channels, data } = stored;
  const labels = new Uint8Array(width * height);
  const unknown = new Map<number, number>();
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const value = data[pixel * channels]!;
    if (channels === 3 && (data[3 * pixel + 1] !== value || data[3 * pixel + 2] !== value)) {
      throw new HidiffError(
        "datasets.labels",
        `readLabels: "${path}" is a color image (row ${Math.floor(pixel / width)}, column ${pixel % width} is ${data.slice(3 * pixel, 3 * pixel + 3).join(", ")}); ` +
          `expected one class number a pixel. Save it as a grey or palette PNG of class numbers.`,
      );
    }
    const label = values === undefined ? (value > 255 ? undefined : value) : values.get(value);
    if (label === undefined) unknown.set(value, (unknown.get(value) ?? 0) + 1);
    else labels[pixel] = label;
  }
  if (unknown.size > 0) throw unknownValues(path, unknown, format, values);
  return { width, height, channels: 1, data: labels };
}

async function decodeStored(bytes: Uint8Array, format: ImageFormat, fail: Fail): Promise<RasterImage> {
  if (format === "BMP") return decodeBmp(bytes, true, fail);
  if (format === "Netpbm") return decodeNetpbm(bytes, true, fail);
  const image = await decodeWithSharp(bytes, fail);
  if (format === "PNG" && isPalettePng(bytes)) {
    const { width, height, palette, indices } = readPalettePng(bytes, fail);
    return { width, height, channels: 1, data: indices.map((index) => labelOfIndex(index, palette)) };
  }
  const { width, height, channels, bits = 8 } = image;
  const step = (format === "PNG" || format === "TIFF") && bits < 8 && channels === 1 ? 255 / (2 ** bits - 1) : 1;
  return { width, height, channels, data: step === 1 ? image.data : image.data.map((value) => Math.round(value / step)) };
}

/** @param unknown how many pixels have each of the unknown values */
function unknownValues(
  path: string,
  unknown: ReadonlyMap<number, number>,
  format: ImageFormat,
  values: ReadonlyMap<number, number> | undefined,
): HidiffError {
  const found = [...unknown].sort(([a], [b]) => a - b).map(([value, count]) => `${value} (${count} pixels)`);
  const more = found.length > listed ? ` and ${found.length - listed} more` : "";
  const expected = values === undefined ? "class numbers from 0 to 255" : `the values ${[...values.keys()].sort((a, b) => a - b).join(", ")}`;
  const lossy = "JPEG alters values: use a mask in a format without losses, such as PNG.";
  const remedy = format === "JPEG" ? lossy : "Correct the mask, or the mapping of values to classes.";
  return new HidiffError("datasets.labels", `readLabels: "${path}" contains ${found.slice(0, listed).join(", ")}${more}; expected ${expected}. ${remedy}`);
}
