import type { Generator } from "@hidiff/core-tensor";

const regions = 24;

/** A random mask `[size, size, classes]` of 0 and 1: every pixel has the class of the nearest of some random points. */
export function regionMask(generator: Generator, size: number, classes: number): Float32Array {
  const points = Array.from({ length: regions }, (_, index) => ({
    row: generator.uniform(0, size),
    column: generator.uniform(0, size),
    label: index % Math.max(2, classes),
  }));
  const mask = new Float32Array(size * size * classes);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const distance = (point: (typeof points)[number]): number => (point.row - row) ** 2 + (point.column - column) ** 2;
      const { label } = points.reduce((nearest, point) => (distance(point) < distance(nearest) ? point : nearest));
      const pixel = row * size + column;
      if (classes === 1) mask[pixel] = label;
      else mask[pixel * classes + label] = 1;
    }
  }
  return mask;
}
