import type { BmpHeader } from "./bmp-header.ts";
import type { Fail } from "./fail.ts";

/**
 * The palette indices of a BMP that is packed as runs of 8 or 4 bits, [height, width] from the top. Pixels that the file
 * skips are 0.
 */
export function unpackRuns(bytes: Uint8Array, { width, height, bits, pixels }: BmpHeader, fail: Fail): Uint8Array {
  // Two bytes give at most 255 pixels: an image that is much larger is not in this file.
  if (width * height > 256 * (bytes.length - pixels)) fail(`is truncated: it cannot hold ${width}×${height} pixels`);
  const indices = new Uint8Array(width * height);
  let position = pixels;
  let column = 0;
  let row = 0;
  const next = (): number => bytes[position++] ?? fail("is truncated");
  const put = (index: number): void => {
    if (column >= width || row >= height) fail("has runs that leave the image");
    indices[(height - 1 - row) * width + column++] = index;
  };
  const half = (byte: number, first: boolean): number => (first ? byte >> 4 : byte & 15);
  // The end mark may be missing behind the last row.
  while (position < bytes.length || row < height - 1 || (row === height - 1 && column < width)) {
    const count = next();
    const value = next();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(bits === 8 ? value : half(value, i % 2 === 0));
    } else if (value === 0) {
      column = 0;
      row++;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      column += next();
      row += next();
    } else {
      const start = position;
      for (let i = 0; i < value; i++) put(bits === 8 ? next() : half(i % 2 === 0 ? next() : bytes[position - 1]!, i % 2 === 0));
      position += (position - start) % 2; // padded to two bytes
    }
  }
  return indices;
}
