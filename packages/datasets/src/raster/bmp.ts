import type { RasterImage } from "../types.ts";
import { type BmpHeader, parseBmpHeader } from "./bmp-header.ts";
import { unpackRuns } from "./bmp-runs.ts";
import { checkSize, type Fail } from "./fail.ts";
import { isGrey, labelOfIndex } from "./palette.ts";

/**
 * Decodes a BMP of 1, 4 or 8 bits with its palette (run lengths too), or of 16, 24 or 32 bits, from the bottom up or the top
 * down. Alpha is dropped. Neither kept library does: sharp's prebuilt one knows no BMP, and ITK-Wasm's reader fails with a
 * bare number on files of 1 and 4 bits and makes three channels of grey ones.
 *
 * @param stored whether to give the numbers of a palette image (a label map) instead of its colours
 * @returns 1 channel for a grey palette or stored numbers, else RGB
 */
export function decodeBmp(bytes: Uint8Array, stored: boolean, fail: Fail): RasterImage {
  const header = parseBmpHeader(bytes, fail);
  const { width, height, bits } = header;
  checkSize(width, height, fail);
  if (bits > 8) return { width, height, channels: 3, data: readColors(bytes, header, fail) };

  const { palette } = header;
  const indices = header.runs ? unpackRuns(bytes, header, fail) : readIndices(bytes, header, fail);
  const highest = indices.reduce((most, index) => Math.max(most, index), 0);
  if (highest >= palette.length) fail(`uses color ${highest} of a palette of ${palette.length}`);
  if (stored || palette.every(isGrey)) {
    const values = palette.map((color, index) => (stored ? labelOfIndex(index, palette) : color[0]));
    return { width, height, channels: 1, data: indices.map((index) => values[index]!) };
  }
  const data = new Uint8Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) data.set(palette[indices[i]!]!, 3 * i);
  return { width, height, channels: 3, data };
}

/** Where each row of the image begins in the file. Rows are padded to four bytes. */
function rowStarts(bytes: Uint8Array, { width, height, bits, topDown, pixels }: BmpHeader, fail: Fail): number[] {
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (pixels + rowBytes * height > bytes.length) fail(`is truncated: ${width}×${height} pixels of ${bits} bits need ${pixels + rowBytes * height} bytes`);
  return Array.from({ length: height }, (_, row) => pixels + rowBytes * (topDown ? row : height - 1 - row));
}

function readIndices(bytes: Uint8Array, header: BmpHeader, fail: Fail): Uint8Array {
  const { width, height, bits } = header;
  const indices = new Uint8Array(width * height);
  const perByte = 8 / bits;
  const most = 2 ** bits - 1;
  for (const [row, start] of rowStarts(bytes, header, fail).entries()) {
    for (let column = 0; column < width; column++) {
      const shift = 8 - bits * ((column % perByte) + 1);
      indices[row * width + column] = (bytes[start + Math.floor(column / perByte)]! >> shift) & most;
    }
  }
  return indices;
}

function readColors(bytes: Uint8Array, header: BmpHeader, fail: Fail): Uint8Array {
  const { width, height, bits } = header;
  const channels = header.masks.map((mask) => {
    const shift = 31 - Math.clz32(mask & -mask);
    const most = mask >>> shift;
    if (mask === 0 || (most & (most + 1)) !== 0) fail(`has the bit mask ${mask.toString(16)}, which is no run of bits`);
    return { mask, shift, most };
  });
  const data = new Uint8Array(3 * width * height);
  let position = 0;
  for (const start of rowStarts(bytes, header, fail)) {
    for (let column = 0; column < width; column++) {
      const at = start + (column * bits) / 8;
      let pixel = bytes[at]! | (bytes[at + 1]! << 8);
      if (bits > 16) pixel |= bytes[at + 2]! << 16;
      if (bits > 24) pixel |= bytes[at + 3]! << 24;
      for (const { mask, shift, most } of channels) data[position++] = Math.round((((pixel & mask) >>> shift) * 255) / most);
    }
  }
  return data;
}

