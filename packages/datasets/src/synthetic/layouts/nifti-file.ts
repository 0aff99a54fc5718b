import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { writeFileAtomic } from "@hidiff/core-tensor/files-node";
import type { Geometry } from "../../types.ts";
import { encodeNiftiHeader, patchNiftiHeader } from "../../volumes/nifti-encode.ts";

/**
 * Where the axes of a file point, columns, rows and slices in turn: L to the patient's left or R to the right, P to the
 * back or A to the front, S to the head.
 */
type Axes = "LAS" | "LPS" | "RAS";

/** A volume as radiologists look at it: slices from feet to head, rows from front to back, columns from right to left. */
interface DisplayedVolume {
  /** [depth, height, width] */
  readonly data: Uint8Array | Int16Array | Float32Array;
  readonly shape: readonly [depth: number, height: number, width: number];
  /** Along depth, height and width, in millimetres. */
  readonly spacing: readonly [number, number, number];
}

/**
 * Writes a gzip-compressed NIfTI-1 file whose axes point as `axes` says.
 *
 * @param origin where the first stored voxel lies, in NIfTI's coordinates (to the right, front and head, in millimetres)
 */
export async function writeNifti(path: string, volume: DisplayedVolume, axes: Axes, origin: readonly [number, number, number]): Promise<void> {
  const start = encodeStart(volume, axes, origin);
  const stored = arrange(volume, axes);
  const bytes = new Uint8Array(start.length + stored.byteLength);
  bytes.set(start);
  bytes.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), start.length);
  await writeFileAtomic(path, await promisify(gzip)(bytes));
}

/** All that comes before the voxels. */
function encodeStart({ data, shape, spacing }: DisplayedVolume, axes: Axes, [right, front, head]: readonly [number, number, number]): Uint8Array {
  const geometry: Geometry = {
    spacing: [spacing[2], spacing[1], spacing[0]],
    origin: [-right, -front, head],
    direction: [axes[0] === "R" ? -1 : 1, 0, 0, 0, axes[1] === "A" ? -1 : 1, 0, 0, 0, 1],
  };
  const kind = data instanceof Uint8Array ? "uint8" : data instanceof Int16Array ? "int16" : "float32";
  return patchNiftiHeader(encodeNiftiHeader(geometry), shape, 1, kind).start;
}

/** The voxels in the order of the file, little-endian. */
function arrange({ data, shape }: DisplayedVolume, axes: Axes): Uint8Array | Int16Array | Float32Array {
  const [depth, height, width] = shape;
  const stored = data.slice();
  for (let slice = 0; slice < depth; slice++) {
    for (let row = 0; row < height; row++) {
      const from = (slice * height + row) * width;
      const to = (slice * height + (axes[1] === "A" ? height - 1 - row : row)) * width;
      const line = data.subarray(from, from + width);
      stored.set(axes[0] === "R" ? line.slice().reverse() : line, to);
    }
  }
  return stored;
}
