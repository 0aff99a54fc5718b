import { inflateSync } from "node:zlib";
import type { Fail } from "./fail.ts";
import type { Color } from "./palette.ts";

interface PaletteImage {
  readonly width: number;
  readonly height: number;
  readonly palette: readonly Color[];
  /** [height, width] */
  readonly indices: Uint8Array;
}

/** Whether the bytes of a PNG are those of a palette image. */
export function isPalettePng(bytes: Uint8Array): boolean {
  return bytes[25] === 3;
}

/**
 * The indices of a palette PNG, which sharp does not give: it turns them into colors. To be called for files that sharp
 * decodes, since checksums are not verified again.
 */
export function readPalettePng(bytes: Uint8Array, fail: Fail): PaletteImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const bits = bytes[24]!;
  if (bytes[28] !== 0) fail("is an interlaced palette image; its class numbers cannot be read: save it without interlacing");
  const parts: Uint8Array[] = [];
  let palette: Color[] = [];
  for (let position = 8; position + 12 <= bytes.length; ) {
    const length = view.getUint32(position);
    const type = String.fromCharCode(...bytes.subarray(position + 4, position + 8));
    const content = bytes.subarray(position + 8, position + 8 + length);
    if (type === "PLTE") palette = Array.from({ length: Math.floor(length / 3) }, (_, i) => [content[3 * i]!, content[3 * i + 1]!, content[3 * i + 2]!]);
    if (type === "IDAT") parts.push(content);
    if (type === "IEND") break;
    position += 12 + length;
  }
  const rowBytes = Math.ceil((width * bits) / 8);
  let rows: Uint8Array;
  try {
    rows = inflateSync(Buffer.concat(parts), { maxOutputLength: (rowBytes + 1) * height });
  } catch (error) {
    return fail("cannot be unpacked", error);
  }
  if (rows.length !== (rowBytes + 1) * height) fail(`is truncated: it has ${rows.length} bytes of pixels, ${width}×${height} need ${(rowBytes + 1) * height}`);
  const indices = new Uint8Array(width * height);
  let previous: Uint8Array = new Uint8Array(rowBytes);
  for (let row = 0; row < height; row++) {
    const line = rows.subarray(row * (rowBytes + 1) + 1, (row + 1) * (rowBytes + 1));
    unfilter(line, previous, rows[row * (rowBytes + 1)]!, fail);
    for (let column = 0; column < width; column++) {
      indices[row * width + column] = (line[(column * bits) >> 3]! >> (8 - bits - ((column * bits) & 7))) & (2 ** bits - 1);
    }
    previous = line;
  }
  return { width, height, palette, indices };
}

/** Undoes a row's filter in place (PNG specification, section 9); palette images have at most one byte a pixel. */
function unfilter(line: Uint8Array, previous: Uint8Array, filter: number, fail: Fail): void {
  if (filter > 4) fail(`has the unknown filter ${filter}`);
  if (filter === 0) return;
  for (let i = 0; i < line.length; i++) {
    const left = line[i - 1] ?? 0;
    const up = previous[i]!;
    const corner = previous[i - 1] ?? 0;
    const guess = filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner);
    line[i] = line[i]! + guess;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}
