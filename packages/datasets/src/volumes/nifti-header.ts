import { HidiffError } from "@hidiff/core-tensor/errors";
import { type NIFTI1, type NIFTI2, readHeader } from "nifti-reader-js";
import type { Geometry } from "../types.ts";
import { compressionOf, readUnpackedStart, sizeOf } from "./byte-stream.ts";
import { geometryFromSteps, scaled, type Vector } from "./geometry.ts";
import type { VoxelLayout } from "./read-voxels.ts";
import { voxelCount, type VolumeHeader, type VolumeShape } from "./volume.ts";
import type { VoxelType } from "./voxel-type.ts";

/** Byte positions of the fields that are read or written by hand, of NIfTI-1 and NIfTI-2. */
const niftiFields = {
  1: { bytes: 348, rows: 280, float: 4 },
  2: { bytes: 540, rows: 400, float: 8 },
} as const;

const types: Readonly<Record<number, VoxelType>> = {
  2: "uint8",
  4: "int16",
  8: "int32",
  16: "float32",
  64: "float64",
  128: "uint8", // RGB24: three channels
  256: "int8",
  512: "uint16",
  768: "uint32",
  1024: "int64",
  1280: "uint64",
};
const rgb24 = 128;
const unsupported: Readonly<Record<number, string>> = {
  1: "single bits",
  32: "complex64",
  1536: "float128",
  1792: "complex128",
  2048: "complex256",
  2304: "RGBA32",
};

/**
 * Reads the header of a NIfTI-1 or NIfTI-2 file of either byte order, compressed or not. The fourth dimension (or the
 * fifth, if the fourth is 1) are the channels; a file of two dimensions has one slice.
 *
 * @throws `file.read`; `datasets.volume` for what is no NIfTI file, or one with an implausible header
 */
export async function readNiftiHeader(path: string): Promise<{ volume: VolumeHeader; layout: VoxelLayout }> {
  const fileBytes = await sizeOf(path);
  const compression = await compressionOf(path);
  const start = await readUnpackedStart(path, compression, niftiFields[2].bytes);
  const { version, header, bytes } = parseBytes(path, start);
  const type = types[header.datatypeCode];
  if (type === undefined) {
    const name = unsupported[header.datatypeCode] ?? `code ${header.datatypeCode}`;
    throw wrong(path, `its voxels have the type ${name}, which is not supported. Convert it to integers or float32.`);
  }
  const isRgb = header.datatypeCode === rgb24;
  const { shape, frames } = readShape(path, header);
  if (isRgb && frames > 1) throw wrong(path, "it is a series of RGB volumes; expected one RGB volume, or numbers. Convert it to one file a volume.");
  const channels = isRgb ? 3 : frames;
  const littleEndian = header.littleEndian;
  return {
    volume: {
      path,
      format: "nifti",
      shape,
      channels,
      ...readScale(path, header, isRgb),
      geometry: readGeometry(path, header, version, bytes, shape),
      header: bytes,
    },
    layout: {
      path,
      dataPath: path,
      fileBytes,
      compression,
      start: 0,
      skip: dataOffset(path, header, version),
      type,
      littleEndian,
      voxels: voxelCount(shape),
      channels,
      interleaved: isRgb,
    },
  };
}

function parseBytes(path: string, start: Uint8Array): { version: 1 | 2; header: NIFTI1 | NIFTI2; bytes: Uint8Array } {
  const sizes = start.length < 4 ? [] : [true, false].map((little) => new DataView(start.buffer, start.byteOffset).getInt32(0, little));
  const version = sizes.includes(niftiFields[2].bytes) ? 2 : 1;
  // No more than the header itself, so that the parser leaves extensions alone.
  const bytes = new Uint8Array(start.subarray(0, niftiFields[version].bytes));
  if (sizes.includes(niftiFields[version].bytes) && bytes.length < niftiFields[version].bytes) {
    throw wrong(path, `it ends within its header, after ${bytes.length} bytes: the file is truncated. Copy or download it again.`);
  }
  try {
    return { version, header: readHeader(bytes.buffer as ArrayBuffer), bytes };
  } catch (error) {
    throw new HidiffError(
      "datasets.volume",
      `readVolume: "${path}" is no NIfTI file: expected the header of NIfTI-1 or NIfTI-2 in one file (.nii or .nii.gz). ` +
        `${start.length === 0 ? "It is empty" : `It begins with ${JSON.stringify(Buffer.from(start.subarray(0, 12)).toString("latin1"))}`}: ` +
        "copy or download it again. Pairs of .hdr and .img and Analyze files must be converted to .nii first.",
      { cause: error },
    );
  }
}

function readShape(path: string, header: NIFTI1 | NIFTI2): { shape: VolumeShape; frames: number } {
  const rank = header.dims[0]!;
  const dims = Array.from({ length: 7 }, (_, axis) => (axis < rank ? header.dims[axis + 1]! : 1));
  const listed = `dim = [${header.dims.slice(0, Math.max(1, Math.min(8, rank + 1))).join(", ")}]`;
  if (!(rank >= 2 && rank <= 7) || !dims.every((size) => Number.isSafeInteger(size) && size > 0 && size < 2 ** 31)) {
    throw wrong(path, `its header says ${listed}; expected 2 to 7 dimensions of positive sizes. The header is damaged; copy or write the file again.`);
  }
  const more = dims.slice(3).filter((size) => size > 1);
  if (more.length > 1) throw wrong(path, `its header says ${listed}; expected at most one dimension beyond the three of space. Split it into several files.`);
  return { shape: [dims[2]!, dims[1]!, dims[0]!], frames: more[0] ?? 1 };
}

function dataOffset(path: string, header: NIFTI1 | NIFTI2, version: 1 | 2): number {
  const least = niftiFields[version].bytes + 4;
  const offset = header.vox_offset === 0 ? least : header.vox_offset;
  if (!Number.isSafeInteger(offset) || offset < least) {
    throw wrong(path, `its voxels would begin at byte ${offset}; expected a whole number from ${least} on (vox_offset). The header is damaged.`);
  }
  return offset;
}

function readScale(path: string, header: NIFTI1 | NIFTI2, isRgb: boolean): { slope: number; intercept: number } {
  const { scl_slope: slope, scl_inter: intercept } = header;
  if (isRgb || slope === 0 || Number.isNaN(slope)) return { slope: 1, intercept: 0 };
  if (!Number.isFinite(slope) || !Number.isFinite(intercept)) {
    throw wrong(path, `its scale is slope ${slope}, intercept ${intercept}; expected finite numbers (scl_slope, scl_inter), or slope 0 for none.`);
  }
  return { slope, intercept };
}

/**
 * The grid in the patient: the sform if its code says so, else the qform, else the distances between voxels alone. NIfTI's
 * axes point to the right and front, ours to the left and back, so x and y change their signs.
 */
function readGeometry(path: string, header: NIFTI1 | NIFTI2, version: 1 | 2, bytes: Uint8Array, shape: VolumeShape): Geometry {
  const distances = [1, 2, 3].map((axis) => Math.abs(header.pixDims[axis]!) || 1); // 0 and NaN tell nothing
  let affine: readonly (readonly number[])[];
  if (header.sform_code > 0) {
    affine = sformRows(version, bytes, header.littleEndian);
  } else if (header.qform_code > 0) {
    const { quatern_b: b, quatern_c: c, quatern_d: d } = header;
    if (!(b * b + c * c + d * d < 1.01)) throw wrong(path, `its qform has the quaternion (${b}, ${c}, ${d}), longer than 1. ${repairGeometry}`);
    const [dx, dy, dz] = distances as [number, number, number];
    affine = header.convertNiftiQFormToNiftiSForm(b, c, d, header.qoffset_x, header.qoffset_y, header.qoffset_z, dx, dy, dz, header.pixDims[0]!);
  } else {
    affine = distances.map((distance, axis) => [0, 1, 2, 3].map((column) => (column === axis ? distance : 0)));
  }
  const units = header.xyzt_units & 7;
  const millimetres = units === 1 ? 1000 : units === 3 ? 0.001 : 1;
  const column = (index: number): Vector => scaled([-affine[0]![index]!, -affine[1]![index]!, affine[2]![index]!], millimetres);
  const k = column(2);
  const flat = shape[0] === 1 && k.every((value) => value === 0);
  const geometry = geometryFromSteps(column(0), column(1), flat ? undefined : k, column(3));
  if (typeof geometry === "string") throw wrong(path, `${geometry} (${header.sform_code > 0 ? "sform" : "qform"}). ${repairGeometry}`);
  return geometry;
}

const repairGeometry = "The header is damaged; write the file again with the tool that made it.";

function sformRows(version: 1 | 2, bytes: Uint8Array, littleEndian: boolean): number[][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { rows, float } = niftiFields[version];
  return [0, 1, 2].map((row) =>
    [0, 1, 2, 3].map((column) => {
      const at = rows + (row * 4 + column) * float;
      return version === 1 ? view.getFloat32(at, littleEndian) : view.getFloat64(at, littleEndian);
    }),
  );
}

function wrong(path: string, text: string): HidiffError {
  return new HidiffError("datasets.volume", `readVolume: "${path}": ${text}`);
}
