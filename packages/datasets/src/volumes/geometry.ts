import type { Geometry } from "../types.ts";

export type Vector = readonly [number, number, number];

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function scaled(a: Vector, factor: number): Vector {
  return [a[0] * factor + 0, a[1] * factor + 0, a[2] * factor + 0]; // + 0 turns −0 into 0
}

export function subtract(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function length(a: Vector): number {
  return Math.hypot(a[0], a[1], a[2]);
}

/** The direction of grid axis 0 (i), 1 (j) or 2 (k). */
export function axisDirection(geometry: Geometry, axis: number): Vector {
  const { direction } = geometry;
  return [direction[axis]!, direction[3 + axis]!, direction[6 + axis]!];
}

/** Where the centre of voxel (i, j, k) lies in the patient, in millimetres (LPS). */
export function positionOf(geometry: Geometry, i: number, j: number, k: number): Vector {
  const steps = [i * geometry.spacing[0], j * geometry.spacing[1], k * geometry.spacing[2]] as const;
  const along = (row: number): number => {
    const { direction } = geometry;
    return geometry.origin[row]! + direction[3 * row]! * steps[0] + direction[3 * row + 1]! * steps[1] + direction[3 * row + 2]! * steps[2];
  };
  return [along(0), along(1), along(2)];
}

/**
 * The geometry of a grid whose steps from voxel to voxel along i, j and k are the given vectors (LPS, millimetres). A
 * missing step of k becomes perpendicular to the others, with length 1.
 *
 * @returns what is wrong instead, if the vectors span no space
 */
export function geometryFromSteps(i: Vector, j: Vector, k: Vector | undefined, origin: Vector): Geometry | string {
  if (![...i, ...j, ...(k ?? []), ...origin].every(Number.isFinite)) return "its position in space has numbers that are NaN or infinite";
  const lengths = [length(i), length(j), k === undefined ? 1 : length(k)] as const;
  if (lengths.some((value) => value === 0)) return "its grid has an axis of length zero";
  const [x, y] = [scaled(i, 1 / lengths[0]), scaled(j, 1 / lengths[1])];
  const perpendicular = cross(x, y);
  const z = k === undefined ? scaled(perpendicular, 1 / length(perpendicular)) : scaled(k, 1 / lengths[2]);
  if (!(Math.abs(dot(perpendicular, z)) > 1e-6)) return "the axes of its grid are not independent";
  return { spacing: lengths, origin: scaled(origin, 1), direction: [x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2]] };
}

/** The grid's steps along i, j and k as {@link geometryFromSteps} takes them. */
export function stepsOf(geometry: Geometry): readonly [Vector, Vector, Vector] {
  const step = (axis: 0 | 1 | 2): Vector => scaled(axisDirection(geometry, axis), geometry.spacing[axis]);
  return [step(0), step(1), step(2)];
}

/** What differs between two grids by more than `tolerance` (millimetres; for direction cosines plain numbers), in words. */
export function geometryDifference(a: Geometry, b: Geometry, tolerance: number): string | undefined {
  const far = (x: readonly number[], y: readonly number[]): boolean => x.some((value, index) => !(Math.abs(value - y[index]!) <= tolerance));
  const show = (values: readonly number[]): string => `(${values.map((value) => Number(value.toFixed(4))).join(", ")})`;
  if (far(a.spacing, b.spacing)) return `the spacing is ${show(b.spacing)} mm instead of ${show(a.spacing)} mm`;
  if (far(a.origin, b.origin)) return `the origin is ${show(b.origin)} mm instead of ${show(a.origin)} mm`;
  if (far(a.direction, b.direction)) return `the direction is ${show(b.direction)} instead of ${show(a.direction)}`;
  return undefined;
}
