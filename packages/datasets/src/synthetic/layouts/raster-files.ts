import { crc32, deflateSync } from "node:zlib";
import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import sharp from "sharp";

/** An 8-bit picture of one channel or RGB: [height, width, channels]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** A mask of 0 and 1 as a picture of 0 and 255. */
export function maskPicture(mask: Uint8Array, width: number, height: number): Picture {
  return { width, height, channels: 1, data: mask.map((value) => (value === 0 ? 0 : 255)) };
}

/** TIFF with LZW compression, as DRIVE's images are. */
export async function writeTiff(path: string, picture: Picture): Promise<void> {
  await writeFileAtomic(path, await open(picture).tiff({ compression: "lzw" }).toBuffer());
}

/** JPEG without subsampling of colours. */
export async function writeJpeg(path: string, picture: Picture, quality: number): Promise<void> {
  await writeFileAtomic(path, await open(picture).jpeg({ quality, chromaSubsampling: "4:4:4" }).toBuffer());
}

export async function writeGif(path: string, picture: Picture): Promise<void> {
  await writeFileAtomic(path, await open(picture).gif({ colours: 2, dither: 0 }).toBuffer());
}

export async function writeGreyOrRgbPng(path: string, picture: Picture): Promise<void> {
  await writeFileAtomic(path, await open(picture).png().toBuffer());
}

/** A PNG of one bit a pixel, grey, as CHASE_DB1's masks are: white where the mask is not 0. */
export async function writeBitPng(path: string, mask: Uint8Array, width: number, height: number): Promise<void> {
  const rowBytes = Math.ceil(width / 8) + 1;
  const rows = new Uint8Array(rowBytes * height); // each row after a filter type of 0
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      if (mask[pixel] !== 0) rows[row * rowBytes + 1 + (column >> 3)]! |= 0x80 >> (column & 7);
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 1; // bits; the colour type 0 is grey
  await writeFileAtomic(
    path,
    Buffer.concat([
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(rows)),
      chunk("IEND", new Uint8Array(0)),
    ]),
  );
}

function open({ data, width, height, channels }: Picture): sharp.Sharp {
  return sharp(data, { raw: { width, height, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb");
}

/** A chunk of a PNG file: length, type, content, checksum of both. */
function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)));
  return bytes;
}
