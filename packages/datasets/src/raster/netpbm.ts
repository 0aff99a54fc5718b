import type { RasterImage } from "../types.ts";
import { checkSize, type Fail } from "./fail.ts";

/**
 * Decodes PBM, PGM and PPM (P1 to P6: text and binary, up to 16 bits), of which sharp's prebuilt library knows none.
 * A single image fills the file.
 *
 * @param stored whether to keep the numbers of the file (a label map); otherwise they are scaled from its own maximum to
 * 255, or 65535 above that, as they are meant. Bits are 1 where the pixel is white.
 */
export function decodeNetpbm(bytes: Uint8Array, stored: boolean, fail: Fail): RasterImage {
  const kind = bytes[1]! - 0x30;
  const bitmap = kind === 1 || kind === 4;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const reader = new TextReader(bytes, 2, fail);
  const width = reader.number();
  const height = reader.number();
  const maximum = bitmap ? 1 : reader.number();
  checkSize(width, height, fail);
  if (maximum < 1 || maximum > 65535) fail(`gives ${maximum} as the largest value; expected 1 to 65535`);
  const count = width * height * channels;

  let values: Uint8Array | Uint16Array;
  if (kind >= 4) {
    if (!isSpace(bytes[reader.position])) fail("has no blank behind its header");
    values = readBinary(bytes, reader.position + 1, { width, height, count, bitmap, wide: maximum > 255 }, fail);
  } else {
    // Every number takes one byte, and a blank before the next unless it is a bit.
    if (bytes.length - reader.position < (bitmap ? count : 2 * count - 1)) fail(`is truncated: it cannot hold ${width}×${height} pixels`);
    values = maximum > 255 ? new Uint16Array(count) : new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const value = bitmap ? reader.bit() : reader.number();
      if (value > maximum) fail(`contains ${value}, more than the largest value ${maximum} of its header`);
      values[i] = value;
    }
    reader.end();
  }
  if (bitmap) {
    for (let i = 0; i < count; i++) values[i] = (1 - values[i]!) * (stored ? 1 : 255); // in the file, 1 is black
  } else {
    const full = maximum > 255 ? 65535 : 255;
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      if (value > maximum) fail(`contains ${value}, more than the largest value ${maximum} of its header`);
      if (!stored && maximum !== full) values[i] = Math.round((value * full) / maximum);
    }
  }
  return { width, height, channels, data: values };
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly bitmap: boolean;
  readonly wide: boolean;
}

function readBinary(bytes: Uint8Array, start: number, { width, height, count, bitmap, wide }: Layout, fail: Fail): Uint8Array | Uint16Array {
  const rowBytes = Math.ceil(width / 8);
  const needed = bitmap ? rowBytes * height : wide ? 2 * count : count;
  if (bytes.length - start < needed) fail(`is truncated: ${width}×${height} pixels need ${needed} bytes behind the header, it has ${bytes.length - start}`);
  for (let i = start + needed; i < bytes.length; i++) {
    if (!isSpace(bytes[i])) fail(`has ${bytes.length - start - needed} bytes more than its ${width}×${height} pixels need`);
  }
  if (bitmap) {
    const bit = (row: number, column: number): number => (bytes[start + row * rowBytes + (column >> 3)]! >> (7 - (column & 7))) & 1;
    return Uint8Array.from({ length: count }, (_, i) => bit(Math.floor(i / width), i % width));
  }
  if (!wide) return Uint8Array.from(bytes.subarray(start, start + needed));
  const values = new Uint16Array(count);
  for (let i = 0; i < count; i++) values[i] = (bytes[start + 2 * i]! << 8) | bytes[start + 2 * i + 1]!;
  return values;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

/** Numbers in decimal digits, apart by blanks; comments run from # to the end of their line. */
class TextReader {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #fail: Fail;

  constructor(bytes: Uint8Array, position: number, fail: Fail) {
    this.#bytes = bytes;
    this.position = position;
    this.#fail = fail;
  }

  number(): number {
    this.#skipBlanks();
    const start = this.position;
    let value = 0;
    for (let digit = this.#digit(9); digit !== undefined; digit = this.#digit(9)) {
      value = value * 10 + digit;
      if (this.position - start > 9) this.#fail("contains a number of more than nine digits");
    }
    return this.position === start ? this.#missing() : value;
  }

  /** A digit of its own, which need not be followed by a blank. */
  bit(): number {
    this.#skipBlanks();
    return this.#digit(1) ?? this.#missing();
  }

  /** Nothing but blanks and comments may follow. */
  end(): void {
    this.#skipBlanks();
    if (this.position < this.#bytes.length) this.#fail("contains more than its header tells");
  }

  #digit(largest: number): number | undefined {
    const digit = (this.#bytes[this.position] ?? 0) - 0x30;
    if (digit < 0 || digit > largest) return undefined;
    this.position++;
    return digit;
  }

  #missing(): never {
    const byte = this.#bytes[this.position];
    if (byte === undefined) return this.#fail("is truncated");
    return this.#fail(`contains ${JSON.stringify(String.fromCharCode(byte))} at byte ${this.position} where a number should be`);
  }

  #skipBlanks(): void {
    for (let byte = this.#bytes[this.position]; isSpace(byte) || byte === 0x23; byte = this.#bytes[this.position]) {
      this.position++;
      if (byte === 0x23) while (this.position < this.#bytes.length && !isLineEnd(this.#bytes[this.position]!)) this.position++;
    }
  }
}
