import type { Geometry } from "../types.ts";
import { axisDirection } from "./geometry.ts";
import type { VolumeShape } from "./volume.ts";

/**
 * How a volume is cut into slices. The file's axis that lies closest to each direction is taken, and turned round where it
 * points the other way, so that whatever order a file has its slices look alike:
 * - `axial`: slices from feet to head, rows from front to back, columns from the patient's right to left;
 * - `coronal`: slices from front to back, rows from head to feet, columns from right to left;
 * - `sagittal`: slices from right to left, rows from head to feet, columns from front to back;
 * - `stored`: as in the file, k, j, i.
 */
export type Plane = "axial" | "coronal" | "sagittal" | "stored";

/** Per stack axis (depth, height, width): an axis of the patient (0 left, 1 back, 2 head) and the way along it. */
const targets: Readonly<Record<Exclude<Plane, "stored">, readonly (readonly [axis: number, sign: 1 | -1])[]>> = {
  axial: [[2, 1], [1, 1], [0, 1]],
  coronal: [[1, 1], [2, -1], [0, 1]],
  sagittal: [[0, 1], [2, -1], [1, 1]],
};

/** All assignments of grid axes (0 i, 1 j, 2 k) to the patient's; the usual one comes first and wins ties. */
const permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const;

/** A view of the voxels of a channel as slices: voxel (d, h, w) is at `offset + d·strides[0] + h·strides[1] + w·strides[2]`. */
export interface OrientedGrid {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly offset: number;
  readonly strides: readonly [number, number, number];
  /** Distance between voxel centres along depth, height and width. */
  readonly spacing: readonly [number, number, number];
}

/** Finds the view of a grid for a plane. Nothing is resampled: of oblique grids the closest axes are taken. */
export function orientGrid(shape: VolumeShape, geometry: Geometry, plane: Plane): OrientedGrid {
  const [depth, height, width] = shape;
  const grid = [
    { size: width, stride: 1, spacing: geometry.spacing[0] },
    { size: height, stride: width, spacing: geometry.spacing[1] },
    { size: depth, stride: width * height, spacing: geometry.spacing[2] },
  ];
  let offset = 0;
  const axes = axesOf(geometry, plane).map(({ axis, flipped }) => {
    const { size, stride, spacing } = grid[axis]!;
    if (flipped) offset += (size - 1) * stride;
    return { size, stride: flipped ? -stride : stride, spacing };
  });
  const [d, h, w] = axes as [(typeof axes)[0], (typeof axes)[0], (typeof axes)[0]];
  return {
    depth: d.size,
    height: h.size,
    width: w.size,
    offset,
    strides: [d.stride, h.stride, w.stride],
    spacing: [d.spacing, h.spacing, w.spacing],
  };
}

/** The grid axes that become depth, height and width, and whether they are turned round. */
function axesOf(geometry: Geometry, plane: Plane): { axis: number; flipped: boolean }[] {
  if (plane === "stored") return [2, 1, 0].map((axis) => ({ axis, flipped: false }));
  const along = [0, 1, 2].map((axis) => axisDirection(geometry, axis)); // [grid axis][patient's axis]
  let best: readonly number[] = permutations[0];
  let bestScore = -1;
  for (const permutation of permutations) {
    const score = permutation.reduce<number>((sum, axis, patient) => sum + Math.abs(along[axis]![patient]!), 0);
    if (score <= bestScore + 1e-9) continue;
    best = permutation;
    bestScore = score;
  }
  return targets[plane].map(([patient, sign]) => {
    const axis = best[patient]!;
    return { axis, flipped: along[axis]![patient]! * sign < 0 };
  });
}
