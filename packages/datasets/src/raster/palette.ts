/** Red, green and blue of 8 bits. */
export type Color = readonly [number, number, number];

export function isGrey([red, green, blue]: Color): boolean {
  return red === green && green === blue;
}

/** The class number that a palette image stores by an index: the index, but 1 for white of a palette of black and white. */
export function labelOfIndex(index: number, palette: readonly Color[]): number {
  const isBitmap = palette.length === 2 && palette.every(isGrey) && palette[0]![0] === 255 && palette[1]![0] === 0;
  return isBitmap ? 1 - index : index;
}
