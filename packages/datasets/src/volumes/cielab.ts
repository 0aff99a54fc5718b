/** From linear sRGB to XYZ (IEC 61966-2-1), and their white D65. */
const toXyz = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
] as const;
const white = [0.95047, 1, 1.08883] as const;

/**
 * A colour as DICOM stores it: CIELab, L* from 0 … 100 and a*, b* from −128 … 127 to 0 … 65535 (PS3.3 C.10.7.1.1). Of the
 * white D65, as dcmqi and highdicom compute it, so that viewers show the colour itself.
 *
 * @param colour sRGB, as #rrggbb
 */
export function dicomCielab(colour: string): readonly [number, number, number] {
  const linear = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const [x, y, z] = toXyz.map((row, axis) => {
    const value = row.reduce((sum, factor, channel) => sum + factor * linear[channel]!, 0) / white[axis]!;
    return value > 216 / 24389 ? Math.cbrt(value) : ((24389 / 27) * value + 16) / 116;
  }) as [number, number, number];
  const stored = (value: number): number => Math.max(0, Math.min(65535, Math.round(value)));
  return [stored(((116 * y - 16) * 65535) / 100), stored((500 * (x - y) + 128) * 257), stored((200 * (y - z) + 128) * 257)];
}
