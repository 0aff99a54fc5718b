import type { Geometry } from "../types.ts";
import { axisDirection, cross, dot, stepsOf, type Vector } from "./geometry.ts";
import type { VolumeShape } from "./volume.ts";

/** NIfTI-1 stores sizes in 16 bits. */
export const mostNifti1Size = 32767;

/** NIfTI's codes of what is written: its type, the bits of a voxel, and the intent. */
const writtenKinds = {
  /** Class numbers, marked as such. */
  labels: { datatype: 2, bits: 8, intent: 1002 },
  uint8: { datatype: 2, bits: 8, intent: 0 },
  int16: { datatype: 4, bits: 16, intent: 0 },
  float32: { datatype: 16, bits: 32, intent: 0 },
} as const;

export type WrittenKind = keyof typeof writtenKinds;

/**
 * The beginning of a NIfTI file with the geometry of another one: its header, of which only the fields that describe the
 * voxels change. Those that describe space (sform, qform, pixdim, their codes, units) and all texts stay bit for bit, as
 * does the byte order. Extensions are not kept: they tell of the original voxels.
 *
 * @param header 348 or 540 bytes
 */
export function patchNiftiHeader(header: Uint8Array, shape: VolumeShape, channels: number, kind: WrittenKind): { start: Uint8Array; littleEndian: boolean } {
  const start = new Uint8Array(header.length + 4); // without extensions: four zeros behind the header
  start.set(header);
  const view = new DataView(start.buffer);
  const littleEndian = view.getInt32(0, true) === header.length;
  const { datatype, bits, intent } = writtenKinds[kind];
  const dims = [channels === 1 ? 3 : 4, shape[2], shape[1], shape[0], channels, 1, 1, 1];
  if (header.length === 348) {
    for (const [index, size] of dims.entries()) view.setInt16(40 + 2 * index, size, littleEndian);
    start.fill(0, 56, 68); // intent_p1 … p3
    view.setInt16(68, intent, littleEndian);
    view.setInt16(70, datatype, littleEndian);
    view.setInt16(72, bits, littleEndian);
    view.setFloat32(108, start.length, littleEndian); // vox_offset
    view.setFloat32(112, 1, littleEndian); // scl_slope
    view.setFloat32(116, 0, littleEndian); // scl_inter
    start.fill(0, 124, 132); // cal_max, cal_min
    start.fill(0, 328, 344); // intent_name
  } else {
    view.setInt16(12, datatype, littleEndian);
    view.setInt16(14, bits, littleEndian);
    for (const [index, size] of dims.entries()) view.setBigInt64(16 + 8 * index, BigInt(size), littleEndian);
    start.fill(0, 80, 104);
    view.setBigInt64(168, BigInt(start.length), littleEndian);
    view.setFloat64(176, 1, littleEndian);
    view.setFloat64(184, 0, littleEndian);
    start.fill(0, 192, 208);
    view.setInt32(504, intent, littleEndian);
    start.fill(0, 508, 524);
  }
  return { start, littleEndian };
}

/**
 * A little-endian NIfTI-1 header for a grid, with the sform and, where the axes are perpendicular, the same as qform.
 *
 * @returns 348 bytes; the fields of the voxels, also their number, are still to be filled in
 */
export function encodeNiftiHeader(geometry: Geometry): Uint8Array {
  const header = new Uint8Array(348);
  const view = new DataView(header.buffer);
  view.setInt32(0, 348, true);
  view.setUint8(38, 0x72); // "r", regular
  view.setUint8(123, 2); // xyzt_units: millimetres
  header.set([0x6e, 0x2b, 0x31, 0], 344); // n+1
  const steps = stepsOf(geometry);
  view.setInt16(254, 1, true); // sform_code: scanner
  for (const row of [0, 1, 2] as const) {
    const sign = row === 2 ? 1 : -1; // from LPS to RAS
    const values = [...steps.map((step) => step[row]), geometry.origin[row]];
    for (const [column, value] of values.entries()) view.setFloat32(280 + 16 * row + 4 * column, sign * value + 0, true);
  }
  const spacing = [0, 1, 2].map((axis) => geometry.spacing[axis]!);
  const { quaternion, handedness } = quaternionOf(geometry);
  for (const [index, value] of [handedness, ...spacing, 1, 1, 1, 1].entries()) view.setFloat32(76 + 4 * index, value, true);
  if (quaternion !== undefined) {
    view.setInt16(252, 1, true); // qform_code
    for (const [index, value] of quaternion.entries()) view.setFloat32(256 + 4 * index, value, true);
    for (const [index, value] of geometry.origin.entries()) view.setFloat32(268 + 4 * index, (index === 2 ? value : -value) + 0, true);
  }
  return header;
}

/**
 * The rotation from grid to RAS as NIfTI stores it: b, c, d of a unit quaternion whose a is not negative, after the third
 * axis was turned round for left-handed grids (handedness −1). Sheared grids have no quaternion.
 */
function quaternionOf(geometry: Geometry): { quaternion?: readonly [number, number, number]; handedness: 1 | -1 } {
  const toRas = ([x, y, z]: Vector): Vector => [-x, -y, z];
  const [i, j, stored] = [0, 1, 2].map((axis) => toRas(axisDirection(geometry, axis))) as [Vector, Vector, Vector];
  const handedness = dot(cross(i, j), stored) < 0 ? -1 : 1;
  if (Math.abs(dot(i, j)) > 1e-5 || Math.abs(dot(i, stored)) > 1e-5 || Math.abs(dot(j, stored)) > 1e-5) return { handedness };
  const k = cross(i, j); // the third axis of a right-handed grid, without its rounding
  // Shepperd's method: the largest of the four squares first, so that nothing is divided by a small number.
  const squares = [1 + i[0] + j[1] + k[2], 1 + i[0] - j[1] - k[2], 1 - i[0] + j[1] - k[2], 1 - i[0] - j[1] + k[2]];
  const largest = squares.indexOf(Math.max(...squares));
  const root = 2 * Math.sqrt(squares[largest]!);
  const pairs = { zy: j[2] - k[1], xz: k[0] - i[2], yx: i[1] - j[0], xy: i[1] + j[0], zx: i[2] + k[0], yz: j[2] + k[1] };
  const quaternions: readonly (readonly [number, number, number, number])[] = [
    [root / 4, pairs.zy / root, pairs.xz / root, pairs.yx / root],
    [pairs.zy / root, root / 4, pairs.xy / root, pairs.zx / root],
    [pairs.xz / root, pairs.xy / root, root / 4, pairs.yz / root],
    [pairs.yx / root, pairs.zx / root, pairs.yz / root, root / 4],
  ];
  const [a, b, c, d] = quaternions[largest]!;
  const sign = a < 0 ? -1 : 1;
  return { quaternion: [sign * b + 0, sign * c + 0, sign * d + 0], handedness };
}
