import type { Generator } from "@hidiff/core-tensor/random";
import { smoothStep } from "./canvas.ts";

/**
 * Value noise: random numbers in [-1, 1] on a lattice of `cells` × `cells` cells, smoothly interpolated, with `octaves`
 * finer copies of half the strength each.
 *
 * @returns [size, size], within [-2, 2]
 */
export function smoothNoise(size: number, cells: number, octaves: number, generator: Generator): Float32Array {
  const noise = new Float32Array(size * size);
  for (let octave = 0, strength = 1; octave < octaves; octave++, strength /= 2, cells *= 2) {
    const side = cells + 1;
    const lattice = generator.uniformArray(side * side, -strength, strength);
    for (let row = 0; row < size; row++) {
      const y = (row / size) * cells;
      const top = Math.floor(y);
      const down = smoothStep(y - top);
      for (let column = 0; column < size; column++) {
        const x = (column / size) * cells;
        const left = Math.floor(x);
        const across = smoothStep(x - left);
        const corner = top * side + left;
        const upper = lattice[corner]! + across * (lattice[corner + 1]! - lattice[corner]!);
        const lower = lattice[corner + side]! + across * (lattice[corner + side + 1]! - lattice[corner + side]!);
        noise[row * size + column]! += upper + down * (lower - upper);
      }
    }
  }
  return noise;
}
