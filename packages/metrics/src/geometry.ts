import { MetricsError } from "./errors.ts";

/** The spatial layout of a flattened mask. */
export interface Geometry {
  /** `[height, width]` or `[depth, height, width]`, row-major. */
  readonly shape: readonly number[];
  /** Distance between neighbouring elements along each axis of `shape`, in physical units; 1 everywhere if absent. */
  readonly spacing?: readonly number[] | undefined;
}

/** A {@link Geometry} with its depth written out: a plane has depth 1 and no neighbours along it. */
export interface Grid {
  readonly rank: 2 | 3;
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  /** Along depth, height and width. */
  readonly spacing: readonly [number, number, number];
}

/** @throws MetricsError `metrics.shape`, `metrics.spacing` */
export function gridOf(operation: string, { shape, spacing }: Geometry): Grid {
  if ((shape.length !== 2 && shape.length !== 3) || !shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new MetricsError(
      "metrics.shape",
      `${operation}: expected a shape [height, width] or [depth, height, width] of whole numbers, got ` +
        `[${shape.join(", ")}]. Pass the spatial axes only, without batch or channel axes.`,
    );
  }
  const usable = spacing?.length === shape.length && spacing.every((step) => step > 0 && step < Infinity);
  if (spacing !== undefined && !usable) {
    throw new MetricsError(
      "metrics.spacing",
      `${operation}: expected ${shape.length} positive spacings, one per axis of the shape [${shape.join(", ")}], ` +
        `got [${spacing.join(", ")}]. Leave the spacing out to measure in elements.`,
    );
  }
  const [depth, height, width] = triple(shape);
  return { rank: shape.length === 2 ? 2 : 3, depth, height, width, spacing: spacing === undefined ? [1, 1, 1] : triple(spacing) };
}

/** The number of elements of a grid. */
export function elementCount({ depth, height, width }: Grid): number {
  return depth * height * width;
}

function triple(axes: readonly number[]): [number, number, number] {
  const [first = 1, second = 1, third = 1] = axes;
  return axes.length === 2 ? [1, first, second] : [first, second, third];
}
