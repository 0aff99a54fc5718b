import { extname } from "node:path";
import type { Geometry } from "../types.ts";
import { sizeOf } from "./byte-stream.ts";
import { geometryFromSteps, scaled, type Vector } from "./geometry.ts";
import type { VoxelLayout } from "./read-voxels.ts";
import { dataFileOf, numbers, readHeaderLines, sizes, wrongVolume } from "./text-header.ts";
import { voxelCount, type VolumeHeader, type VolumeShape } from "./volume.ts";
import { bytesOf, type VoxelType } from "./voxel-type.ts";

const types: Readonly<Record<string, VoxelType>> = {
  MET_CHAR: "int8",
  MET_UCHAR: "uint8",
  MET_SHORT: "int16",
  MET_USHORT: "uint16",
  MET_INT: "int32",
  MET_UINT: "uint32",
  MET_LONG_LONG: "int64",
  MET_ULONG_LONG: "uint64",
  MET_FLOAT: "float32",
  MET_DOUBLE: "float64",
};

/**
 * Reads the header of a MetaImage, attached (.mha) or detached (.mhd), of two or three dimensions; a fourth one, or the
 * elements' own channels, are the channels.
 *
 * @throws `file.read`; `datasets.volume` for other files, text encoding, and headers that contradict themselves;
 * `datasets.path` for a data file outside of the header's folder
 */
export async function readMetaHeader(path: string): Promise<{ volume: VolumeHeader; layout: VoxelLayout }> {
  const ownBytes = await sizeOf(path);
  const { lines, end, complete } = await readHeaderLines(path, (line) => /^\s*ElementDataFile\s*=/.test(line));
  if (!lines.slice(0, 20).some((line) => /^\s*(ObjectType|NDims)\s*=/.test(line))) {
    throw wrongVolume(path, 'it is no MetaImage: expected lines such as "ObjectType = Image" and "NDims = 3".');
  }
  if (!complete) throw wrongVolume(path, 'its header has no end ("ElementDataFile"): the file is truncated. Copy or download it again.');
  const fields = readFields(path, lines);
  const field = (...names: readonly string[]): string | undefined => names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw wrongVolume(path, `its header has no "${name}"; it is damaged. Copy or write the file again.`);
    return value;
  };
  if (!/^image$/i.test(field("ObjectType") ?? "Image")) throw wrongVolume(path, `it holds an object of type "${field("ObjectType")}", not an image.`);
  const rank = Number(required("NDims"));
  if (!Number.isInteger(rank) || rank < 2 || rank > 4) throw wrongVolume(path, `it has ${required("NDims")} dimensions; expected two to four.`);
  const dims = sizes(path, "DimSize", required("DimSize"), rank);
  const components = sizes(path, "ElementNumberOfChannels", field("ElementNumberOfChannels") ?? "1", 1)[0]!;
  const frames = dims[3] ?? 1;
  if (frames > 1 && components > 1) throw wrongVolume(path, "it has a fourth dimension and several channels an element; expected one of them.");
  const type = types[required("ElementType")];
  if (type === undefined) {
    throw wrongVolume(path, `its type "${required("ElementType")}" is not supported; expected one of ${Object.keys(types).join(", ")}.`);
  }
  if (!flag(field("BinaryData") ?? "True")) throw wrongVolume(path, "its voxels are written as text; write it with binary data.");
  const shape: VolumeShape = [dims[2] ?? 1, dims[1]!, dims[0]!];
  const channels = frames * components;
  const name = required("ElementDataFile");
  const attached = /^local$/i.test(name);
  if (/^LIST\b/.test(name) || /%\d*d/.test(name)) throw wrongVolume(path, "its voxels lie in several files; write it as one .mha file.");
  const { dataPath, fileBytes } = attached ? { dataPath: path, fileBytes: ownBytes } : await dataFileOf(path, name);
  const compressed = flag(field("CompressedData") ?? "False");
  const [slope, intercept] = [field("ElementToIntensityFunctionSlope") ?? "1", field("ElementToIntensityFunctionOffset") ?? "0"].map(
    (text) => numbers(path, "ElementToIntensityFunction", text, 1)[0]!,
  ) as [number, number];
  return {
    volume: { path, format: "meta", shape, channels, slope: slope === 0 ? 1 : slope, intercept, geometry: readGeometry(path, field, rank) },
    layout: {
      path,
      dataPath,
      fileBytes,
      compression: compressed ? "zlib" : "none",
      start: dataStart(path, field("HeaderSize"), attached ? end : 0, fileBytes, compressed, voxelCount(shape) * channels * bytesOf(type)),
      skip: 0,
      type,
      littleEndian: !flag(field("BinaryDataByteOrderMSB", "ElementByteOrderMSB") ?? "False"),
      voxels: voxelCount(shape),
      channels,
      interleaved: components > 1,
    },
  };
}

function readFields(path: string, lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name, value] = /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw wrongVolume(path, `the line "${line.slice(0, 80)}" of its header is no field; the header is damaged.`);
    fields.set(name, value);
  }
  return fields;
}

function flag(text: string): boolean {
  return /^(t|1|y)/i.test(text);
}

function dataStart(path: string, headerSize: string | undefined, end: number, fileBytes: number, compressed: boolean, bytes: number): number {
  const skip = Number(headerSize ?? 0);
  if (!Number.isSafeInteger(skip) || skip < -1 || (skip === -1 && compressed)) throw wrongVolume(path, `"HeaderSize = ${headerSize}" is damaged.`);
  return skip === -1 ? Math.max(end, fileBytes - bytes) : Math.max(end, skip);
}

/** The rows of the matrix are the directions of i, j and k; MetaImage's axes are ours (LPS), as ITK reads and writes it. */
function readGeometry(path: string, field: (...names: readonly string[]) => string | undefined, rank: number): Geometry {
  const list = (fallback: readonly number[], ...names: readonly string[]): readonly number[] => {
    const text = field(...names);
    return text === undefined ? fallback : numbers(path, names[0]!, text, fallback.length);
  };
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const spacing = list(axes.map(() => 1), "ElementSpacing", "ElementSize").map(Math.abs);
  const origin = list(axes.map(() => 0), "Offset", "Position", "Origin");
  const matrix = list(axes.flatMap((row) => axes.map((column) => (row === column ? 1 : 0))), "TransformMatrix", "Rotation", "Orientation");
  const step = (axis: number): Vector => {
    const row = matrix.slice(axis * rank, axis * rank + Math.min(3, rank));
    return scaled([row[0]!, row[1]!, row[2] ?? 0], spacing[axis]!);
  };
  const geometry = geometryFromSteps(step(0), step(1), rank === 2 ? undefined : step(2), [origin[0]!, origin[1]!, origin[2] ?? 0]);
  if (typeof geometry === "string") throw wrongVolume(path, `${geometry} (TransformMatrix, ElementSpacing). Write the file again with the tool that made it.`);
  return geometry;
}

/** Whether a file is a MetaImage by its name. */
export function isMetaPath(path: string): boolean {
  return [".mha", ".mhd"].includes(extname(path).toLowerCase());
}
