import { MetricsError } from "./errors.ts";
import { elementCount, gridOf, type Grid } from "./geometry.ts";
import { binaryMask, type Mask } from "./mask.ts";

/**
 * How many neighbours an element has: 4 (across edges) or 8 (and corners) in a plane, 6 (across faces) or 26 (and edges
 * and corners) in a volume.
 */
export type Connectivity = 4 | 8 | 6 | 26;

export interface ComponentOptions {
  readonly shape: readonly number[];
  /** 8 in a plane and 26 in a volume if absent. */
  readonly connectivity?: Connectivity | undefined;
}

/** The connected components of a mask, numbered from 1 in the row-major order of their first elements. */
export interface Components {
  /** The component of each element, 0 for background, of the mask's shape. */
  readonly labels: Int32Array;
  /** The number of elements of each component; component n is at n − 1. */
  readonly sizes: readonly number[];
}

/**
 * Finds the connected components of a mask in two passes with union-find.
 *
 * @param mask `[height, width]` or `[depth, height, width]`, flattened, 0 or 1
 * @throws MetricsError `metrics.shape`, `metrics.connectivity`, `metrics.length`, `metrics.mask-values`
 */
export function connectedComponents(mask: Mask, { shape, connectivity }: ComponentOptions): Components {
  const grid = gridOf("connectedComponents", { shape });
  const elements = binaryMask("connectedComponents", "mask", mask, elementCount(grid));
  const neighbours = earlierNeighbours(grid, connectivity);
  const { depth, height, width } = grid;
  const labels = new Int32Array(elements.length);
  const parents = [0];
  let index = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        if (elements[index] === 0) continue;
        let label = 0;
        for (const { dz, dy, dx, offset } of neighbours) {
          if (z + dz < 0 || y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) continue;
          const other = labels[index + offset]!;
          if (other !== 0) label = label === 0 ? root(parents, other) : join(parents, label, other);
        }
        labels[index] = label === 0 ? parents.push(parents.length) - 1 : label;
      }
    }
  }
  return { labels, sizes: renumber(labels, parents) };
}

/**
 * The mask reduced to its largest component; among equal ones the first in row-major order.
 *
 * @param mask `[height, width]` or `[depth, height, width]`, flattened, 0 or 1
 * @returns a new mask of the same shape, empty if the mask is
 * @throws MetricsError as {@link connectedComponents}
 */
export function keepLargestComponent(mask: Mask, options: ComponentOptions): Uint8Array {
  const { labels, sizes } = connectedComponents(mask, options);
  const largest = sizes.indexOf(sizes.reduce((best, size) => Math.max(best, size), 0)) + 1;
  return Uint8Array.from(labels, (label) => (label !== 0 && label === largest ? 1 : 0));
}

interface Neighbour {
  readonly dz: number;
  readonly dy: number;
  readonly dx: number;
  readonly offset: number;
}

/** The neighbours that come before an element in row-major order. */
function earlierNeighbours({ rank, height, width }: Grid, connectivity: Connectivity | undefined): readonly Neighbour[] {
  const [faces, all] = rank === 2 ? [4, 8] : [6, 26];
  const chosen = connectivity ?? all;
  if (chosen !== faces && chosen !== all) {
    throw new MetricsError(
      "metrics.connectivity",
      `connectedComponents: expected a connectivity of ${faces} or ${all} for ${rank} spatial axes, got ${chosen}.`,
    );
  }
  const neighbours: Neighbour[] = [];
  for (const dz of rank === 2 ? [0] : [-1, 0]) {
    for (const dy of [-1, 0, 1]) {
      for (const dx of [-1, 0, 1]) {
        const earlier = dz < 0 || (dz === 0 && (dy < 0 || (dy === 0 && dx < 0)));
        const acrossFace = Math.abs(dz) + Math.abs(dy) + Math.abs(dx) === 1;
        if (earlier && (chosen === all || acrossFace)) {
          neighbours.push({ dz, dy, dx, offset: (dz * height + dy) * width + dx });
        }
      }
    }
  }
  return neighbours;
}

/** The smallest label joined with `label`, which becomes the direct parent of what lies between (path halving). */
function root(parents: number[], label: number): number {
  let current = label;
  while (parents[current] !== current) {
    parents[current] = parents[parents[current]!]!;
    current = parents[current]!;
  }
  return current;
}

/** Joins two sets under the smaller root, which is returned. */
function join(parents: number[], first: number, second: number): number {
  const firstRoot = root(parents, first);
  const secondRoot = root(parents, second);
  const smaller = Math.min(firstRoot, secondRoot);
  parents[Math.max(firstRoot, secondRoot)] = smaller;
  return smaller;
}

/** Replaces provisional labels by consecutive component numbers and returns the sizes. */
function renumber(labels: Int32Array, parents: number[]): readonly number[] {
  const numbers = new Int32Array(parents.length);
  const sizes: number[] = [];
  for (let label = 1; label < parents.length; label++) {
    const representative = root(parents, label);
    numbers[label] = representative === label ? sizes.push(0) : numbers[representative]!;
  }
  for (let index = 0; index < labels.length; index++) {
    const number = numbers[labels[index]!]!;
    labels[index] = number;
    if (number !== 0) sizes[number - 1]!++;
  }
  return sizes;
}
