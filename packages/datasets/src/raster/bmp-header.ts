import type { Fail } from "./fail.ts";
import type { Color } from "./palette.ts";

export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** Whether the first row of the file is the image's upper one. */
  readonly topDown: boolean;
  /** Per pixel: 1, 4, 8, 16, 24 or 32. */
  readonly bits: number;
  /** Whether the pixels are packed as runs. */
  readonly runs: boolean;
  /** Of images up to 8 bits, otherwise empty. */
  readonly palette: readonly Color[];
  /** The bits of red, green and blue in a pixel. */
  readonly masks: readonly number[];
  /** Where the pixels begin in the file. */
  readonly pixels: number;
}

const plain = 0;
const runsOf8 = 1;
const runsOf4 = 2;
const bitFields = 3;
const alphaBitFields = 6;

/** The header sizes of OS/2 (12), Windows 3 (40), and the extensions of the latter. */
const headerSizes: readonly number[] = [12, 40, 52, 56, 64, 108, 124];

/** Reads the headers and the palette of a BMP; the width and the height are not checked yet. */
export function parseBmpHeader(bytes: Uint8Array, fail: Fail): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 26) fail("is truncated within its header");
  const pixels = view.getUint32(10, true);
  const size = view.getUint32(14, true);
  if (!headerSizes.includes(size)) fail(`has a header of ${size} bytes, which no BMP has`);
  if (bytes.length < 14 + size) fail("is truncated within its header");
  const old = size === 12;
  const signedHeight = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? plain : view.getUint32(30, true);
  if (!(size === 64 ? [plain, runsOf8, runsOf4] : [plain, runsOf8, runsOf4, bitFields, alphaBitFields]).includes(compression)) {
    fail(`packs its pixels by method ${compression}, which is not supported`);
  }
  const runs = compression === runsOf8 || compression === runsOf4;
  const masked = compression === bitFields || compression === alphaBitFields;
  const allowed = compression === runsOf8 ? [8] : compression === runsOf4 ? [4] : masked ? [16, 32] : [1, 4, 8, 16, 24, 32];
  if (!allowed.includes(bits)) fail(`has ${bits} bits a pixel; expected ${allowed.join(", ")}`);
  if (runs && signedHeight < 0) fail("packs its pixels as runs from the top down, which no BMP does");

  // Windows 3 headers have the masks behind them, later ones within, at the same place.
  const masksEnd = masked && size === 40 ? 54 + (compression === alphaBitFields ? 16 : 12) : 14 + size;
  if (masksEnd > bytes.length || pixels < masksEnd || pixels > bytes.length) fail(`says that its pixels begin at byte ${pixels}`);
  const colors = old ? 0 : view.getUint32(46, true);
  return {
    width: old ? view.getUint16(18, true) : view.getInt32(18, true),
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits,
    runs,
    palette: bits > 8 ? [] : readPalette(bytes, masksEnd, old ? 3 : 4, Math.min(2 ** bits, colors || 2 ** bits), pixels),
    masks: masked ? [54, 58, 62].map((at) => view.getUint32(at, true)) : bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0xff00, 0xff],
    pixels,
  };
}

/** At most `count` colors of `entry` bytes each (blue, green, red), as many as there is room for before the pixels. */
function readPalette(bytes: Uint8Array, start: number, entry: number, count: number, pixels: number): Color[] {
  const length = Math.min(count, Math.floor((pixels - start) / entry));
  return Array.from({ length }, (_, i) => {
    const at = start + i * entry;
    return [bytes[at + 2]!, bytes[at + 1]!, bytes[at]!];
  });
}
