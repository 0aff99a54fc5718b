import type { Generator } from "@hidiff/core-tensor/random";

const side = 32;
const wrap = side - 1;

/**
 * Value noise in space: random numbers in [-1, 1] on a cubic lattice of distance 1, smoothly interpolated. It repeats
 * after 32 lattice cells. A scene that reads its textures from such fields looks the same from every slice and camera.
 */
export class NoiseField {
  readonly #lattice: Float32Array;

  constructor(generator: Generator) {
    this.#lattice = generator.uniformArray(side ** 3, -1, 1);
  }

  /** The value at a point, in [-1, 1]; coordinates in lattice cells. */
  at(x: number, y: number, z: number): number {
    const lattice = this.#lattice;
    const [column, row, slice] = [Math.floor(x), Math.floor(y), Math.floor(z)];
    const across = ease(x - column);
    const down = ease(y - row);
    const deep = ease(z - slice);
    const [left, right] = [column & wrap, (column + 1) & wrap];
    const [top, bottom] = [(row & wrap) * side, ((row + 1) & wrap) * side];
    const [near, far] = [(slice & wrap) * side * side, ((slice + 1) & wrap) * side * side];
    const nearTop = mix(lattice[near + top + left]!, lattice[near + top + right]!, across);
    const nearBottom = mix(lattice[near + bottom + left]!, lattice[near + bottom + right]!, across);
    const farTop = mix(lattice[far + top + left]!, lattice[far + top + right]!, across);
    const farBottom = mix(lattice[far + bottom + left]!, lattice[far + bottom + right]!, across);
    return mix(mix(nearTop, nearBottom, down), mix(farTop, farBottom, down), deep);
  }

  /** The sum of `octaves` ever finer copies of half the strength each, scaled back to [-1, 1]. */
  fractal(x: number, y: number, z: number, octaves: number): number {
    let sum = 0;
    let total = 0;
    for (let octave = 0, strength = 1; octave < octaves; octave++, strength /= 2) {
      // Shifted, so that the copies do not line up at the origin.
      const scale = 2 ** octave;
      const shift = 7.3 * octave;
      sum += strength * this.at(x * scale + shift, y * scale + shift, z * scale - shift);
      total += strength;
    }
    return sum / total;
  }
}

function ease(value: number): number {
  return value * value * (3 - 2 * value);
}

function mix(from: number, to: number, share: number): number {
  return from + share * (to - from);
}
