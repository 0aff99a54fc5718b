import type { Grid } from "../geometry.ts";

/** A seeded source of uniform numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Independent elements, each foreground with the given probability. */
export function randomMask(random: () => number, length: number, probability: number): Uint8Array {
  return Uint8Array.from({ length }, () => (random() < probability ? 1 : 0));
}

/** A mask drawn as rows of text: `#` is foreground. */
export function drawnMask(...rows: readonly string[]): Uint8Array {
  return Uint8Array.from(rows.join(""), (character) => (character === "#" ? 1 : 0));
}

/** Coordinates `[z, y, x]` of an element. */
export function placeOf(index: number, { height, width }: Pick<Grid, "height" | "width">): [number, number, number] {
  return [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
}

/** The distance between two elements in physical units. */
export function distanceBetween(first: number, second: number, grid: Grid): number {
  const from = placeOf(first, grid);
  const to = placeOf(second, grid);
  return Math.hypot(...from.map((place, axis) => (place - to[axis]!) * grid.spacing[axis]!));
}
