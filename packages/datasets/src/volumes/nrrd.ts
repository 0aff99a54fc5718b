import { extname } from "node:path";
import type { Geometry } from "../types.ts";
import { type Compression, readUnpackedStart, sizeOf } from "./byte-stream.ts";
import { geometryFromSteps, scaled, type Vector } from "./geometry.ts";
import type { VoxelLayout } from "./read-voxels.ts";
import { dataFileOf, numbers, readHeaderLines, sizes, wrongVolume } from "./text-header.ts";
import { voxelCount, type VolumeHeader, type VolumeShape } from "./volume.ts";
import { bytesOf, type VoxelType } from "./voxel-type.ts";

const types: Readonly<Record<string, VoxelType>> = Object.fromEntries(
  (
    [
      ["int8", "signed char, int8, int8_t"],
      ["uint8", "uchar, unsigned char, uint8, uint8_t"],
      ["int16", "short, short int, signed short, signed short int, int16, int16_t"],
      ["uint16", "ushort, unsigned short, unsigned short int, uint16, uint16_t"],
      ["int32", "int, signed int, int32, int32_t"],
      ["uint32", "uint, unsigned int, uint32, uint32_t"],
      ["int64", "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t"],
      ["uint64", "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t"],
      ["float32", "float"],
      ["float64", "double"],
    ] as const
  ).flatMap(([type, names]) => names.split(", ").map((name) => [name, type] as const)),
);

/** Towards left, back and head from the axes of each named space; a space without a name is taken for ours, as ITK does. */
const spaces: Readonly<Record<string, Vector>> = {
  "left-posterior-superior": [1, 1, 1],
  lps: [1, 1, 1],
  "right-anterior-superior": [-1, -1, 1],
  ras: [-1, -1, 1],
  "left-anterior-superior": [1, -1, 1],
  las: [1, -1, 1],
  "scanner-xyz": [1, 1, 1],
  "3d-right-handed": [1, 1, 1],
  "3d-left-handed": [1, 1, 1],
};

/** The kinds of axes that are space; an axis of another kind holds the channels. */
const spatialKinds = new Set(["domain", "space", "???", "none", ""]);

/** An axis of the file, fastest first. */
interface Axis {
  readonly size: number;
  readonly kind: string;
  /** The step in space from sample to sample; absent where the header does not tell. */
  readonly step?: readonly number[] | "none" | undefined;
  readonly spacing: number;
  /** Where the first sample lies along an axis without a direction; the header gives its centre or its border. */
  readonly start: number;
}

/**
 * Reads the header of a NRRD file, attached (.nrrd) or detached (.nhdr). One axis beside the two or three of space holds
 * the channels, first or last: the one that is not of kind "domain" or has no direction, else the fourth.
 *
 * @throws `file.read`; `datasets.volume` for other files, encodings but raw and gzip, and headers that contradict
 * themselves; `datasets.path` for a data file outside of the header's folder
 */
export async function readNrrdHeader(path: string): Promise<{ volume: VolumeHeader; layout: VoxelLayout }> {
  const ownBytes = await sizeOf(path);
  const { lines, end, complete } = await readHeaderLines(path, (line) => line === "");
  if (!/^NRRD000[1-5]$/.test(lines[0] ?? "")) throw wrongVolume(path, "it is no NRRD file: expected NRRD0001 … NRRD0005 in its first line.");
  const fields = readFields(path, lines.slice(1));
  const detached = fields.get("data file");
  if (!complete && detached === undefined) throw wrongVolume(path, "its header has no end: the file is truncated. Copy or download it again.");
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw wrongVolume(path, `its header has no "${name}"; it is damaged. Copy or write the file again.`);
    return value;
  };
  const typeName = required("type").toLowerCase();
  const type = types[typeName];
  if (type === undefined) throw wrongVolume(path, `its type "${typeName}" is not supported; expected integers, float or double.`);
  const axes = readAxes(path, fields, required);
  const { spatial, channels, interleaved } = splitAxes(path, axes);
  const shape: VolumeShape = [spatial[2]?.size ?? 1, spatial[1]!.size, spatial[0]!.size];
  const compression = compressionOfEncoding(path, required("encoding").toLowerCase());
  if (bytesOf(type) > 1 && !/^(little|big)$/i.test(required("endian"))) {
    throw wrongVolume(path, `its byte order is "${required("endian")}"; expected little or big.`);
  }
  const { dataPath, fileBytes } = detached === undefined ? { dataPath: path, fileBytes: ownBytes } : await dataFileOf(path, singleFile(path, detached));
  const bytes = voxelCount(shape) * channels * bytesOf(type);
  return {
    volume: { path, format: "nrrd", shape, channels, slope: 1, intercept: 0, geometry: readGeometry(path, fields, spatial) },
    layout: {
      path,
      dataPath,
      fileBytes,
      compression,
      ...(await dataStart(path, dataPath, fields, compression, detached === undefined ? end : 0, fileBytes, bytes)),
      type,
      littleEndian: !/^big$/i.test(fields.get("endian") ?? "little"),
      voxels: voxelCount(shape),
      channels,
      interleaved,
    },
  };
}

const synonyms: Readonly<Record<string, string>> = {
  datafile: "data file",
  byteskip: "byte skip",
  lineskip: "line skip",
  axismins: "axis mins",
  centerings: "centers",
};

/** The fields by their name in small letters; key/value pairs and comments are left out. */
function readFields(path: string, lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    if (line === "" || line.startsWith("#") || /^[^:]*:=/.test(line)) continue;
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw wrongVolume(path, `the line "${line.slice(0, 80)}" of its header is no field; the header is damaged.`);
    const given = name.trim().toLowerCase();
    fields.set(synonyms[given] ?? given, value.trim());
  }
  return fields;
}

function readAxes(path: string, fields: ReadonlyMap<string, string>, required: (name: string) => string): readonly Axis[] {
  const rank = Number(required("dimension"));
  if (!Number.isInteger(rank) || rank < 2 || rank > 4) {
    throw wrongVolume(path, `it has ${required("dimension")} dimensions; expected two or three of space, and at most one of channels.`);
  }
  const lengths = sizes(path, "sizes", required("sizes"), rank);
  const list = (name: string): (string | undefined)[] => fields.get(name)?.trim().split(/\s+/) ?? [];
  const kinds = list("kinds");
  const [spacings, minima, centres] = [list("spacings"), list("axis mins"), list("centers")];
  const steps = fields.get("space directions")?.match(/none|\([^)]*\)/gi);
  if (steps !== undefined && steps?.length !== rank) throw wrongVolume(path, `its "space directions" are damaged; expected ${rank} of them.`);
  return lengths.map((size, index) => {
    const step = steps?.[index];
    const given = Math.abs(Number(spacings[index] ?? 1));
    const spacing = Number.isFinite(given) && given !== 0 ? given : 1; // "nan" where the header does not tell
    const minimum = Number(minima[index] ?? Number.NaN);
    return {
      size,
      kind: (kinds[index] ?? "").toLowerCase(),
      step: step === undefined ? undefined : /none/i.test(step) ? "none" : numbers(path, "space directions", step.slice(1, -1)),
      spacing,
      start: Number.isFinite(minimum) ? minimum + (centres[index] === "node" ? 0 : spacing / 2) : 0,
    };
  });
}

function splitAxes(path: string, axes: readonly Axis[]): { spatial: readonly Axis[]; channels: number; interleaved: boolean } {
  const odd = axes.flatMap((axis, index) => (axis.step === "none" || !spatialKinds.has(axis.kind) ? [index] : []));
  const list = odd.length === 0 && axes.length === 4 ? 3 : odd[0];
  if (odd.length > 1 || (list !== undefined && list !== 0 && list !== axes.length - 1)) {
    throw wrongVolume(
      path,
      "its axes are not understood; expected two or three axes of space, and at most one of channels before or behind them. Put the " +
        "axes in such an order.",
    );
  }
  const spatial = axes.filter((_, index) => index !== list);
  if (spatial.length < 2) throw wrongVolume(path, "it has one axis of space only; expected two or three.");
  return { spatial, channels: list === undefined ? 1 : axes[list]!.size, interleaved: list === 0 };
}

function compressionOfEncoding(path: string, encoding: string): Compression {
  if (encoding === "raw") return "none";
  if (encoding === "gzip" || encoding === "gz") return "gzip";
  throw wrongVolume(path, `its encoding "${encoding}" is not supported; write it with the encoding raw or gzip.`);
}

function singleFile(path: string, name: string): string {
  if (/^LIST\b/.test(name) || /%\d*d/.test(name)) throw wrongVolume(path, "its voxels lie in several files; write it as one .nrrd file.");
  return name;
}

/** Where the voxels begin: behind the header, a number of lines and a number of unpacked bytes; −1: at the file's end. */
async function dataStart(
  path: string,
  dataPath: string,
  fields: ReadonlyMap<string, string>,
  compression: Compression,
  end: number,
  fileBytes: number,
  bytes: number,
): Promise<{ start: number; skip: number }> {
  const lines = Number(fields.get("line skip") ?? 0);
  const skip = Number(fields.get("byte skip") ?? 0);
  if (!Number.isSafeInteger(lines) || lines < 0 || !Number.isSafeInteger(skip) || skip < -1) {
    throw wrongVolume(path, 'its "line skip" or "byte skip" is damaged; expected whole numbers.');
  }
  if (skip === -1) {
    if (compression !== "none") throw wrongVolume(path, '"byte skip: -1" is for the encoding raw only; the header is damaged.');
    return { start: Math.max(end, fileBytes - bytes), skip: 0 };
  }
  let start = end;
  if (lines > 0) {
    const text = await readUnpackedStart(dataPath, "none", end + (1 << 20));
    for (let line = 0; line < lines; line++) {
      const next = text.indexOf(10, start);
      if (next < 0) throw wrongVolume(path, `"line skip: ${lines}" leads beyond the first lines of the data; the header is damaged.`);
      start = next + 1;
    }
  }
  return { start, skip };
}

function readGeometry(path: string, fields: ReadonlyMap<string, string>, axes: readonly Axis[]): Geometry {
  const name = fields.get("space")?.toLowerCase();
  const signs = name === undefined ? ([1, 1, 1] as const) : spaces[name];
  if (signs === undefined) throw wrongVolume(path, `its space "${name}" is not supported; expected ${Object.keys(spaces).join(", ")}.`);
  const toLps = (vector: readonly number[]): Vector => scaled([(vector[0] ?? 0) * signs[0], (vector[1] ?? 0) * signs[1], (vector[2] ?? 0) * signs[2]], 1);
  const step = (index: number): Vector | undefined => {
    const axis = axes[index];
    if (axis === undefined) return undefined;
    if (axis.step !== undefined && axis.step !== "none") return toLps(axis.step);
    return [index === 0 ? axis.spacing : 0, index === 1 ? axis.spacing : 0, index === 2 ? axis.spacing : 0];
  };
  const originText = fields.get("space origin");
  const origin = originText === undefined ? axes.map(({ start }) => start) : numbers(path, "space origin", originText.replace(/[()]/g, ""));
  const geometry = geometryFromSteps(step(0)!, step(1)!, step(2), toLps(origin));
  if (typeof geometry === "string") throw wrongVolume(path, `${geometry} (space directions). Write the file again with the tool that made it.`);
  return geometry;
}

/** Whether a file is a NRRD file by its name. */
export function isNrrdPath(path: string): boolean {
  return [".nrrd", ".nhdr"].includes(extname(path).toLowerCase());
}
