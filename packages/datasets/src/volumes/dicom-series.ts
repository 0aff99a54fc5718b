import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import { fileError } from "@hidiff/core-tensor/files-node";
import type { Geometry, VoxelArray } from "../types.ts";
import { type DicomTags, readDicomTags } from "./dicom-tags.ts";
import { cross, dot, geometryFromSteps, length, scaled, subtract, type Vector } from "./geometry.ts";
import { quietly } from "./quietly.ts";
import { describeShape, type DicomSource, voxelCount, type VolumeHeader } from "./volume.ts";

/** A series in order: from the first slice on, along the normal of its slices. */
export interface DicomSeries {
  readonly volume: VolumeHeader;
  readonly files: readonly DicomTags[];
}

/**
 * Reads the tags of the DICOM files in a folder and puts those of one series in order. Files are known by their content;
 * what is no DICOM image is ignored.
 *
 * @param series the SeriesInstanceUID to take, where there are several
 * @throws `file.read`; `datasets.volume` for a folder without DICOM images, several series, mixed sizes or orientations,
 * missing, doubled or sheared slices
 */
export async function readDicomSeries(folder: string, series?: string): Promise<DicomSeries> {
  return seriesOf(folder, chooseSeries(folder, await readFolder(folder), series));
}

/**
 * Reads the tags of a single DICOM file, as a series of one slice; `undefined` if it is no DICOM image.
 *
 * @throws `file.read`; `datasets.volume` for a damaged file, and one with several frames
 */
export async function readDicomFile(path: string): Promise<DicomSeries | undefined> {
  const tags = await readDicomTags(path);
  return tags === undefined ? undefined : seriesOf(path, [tags]);
}

function seriesOf(folder: string, files: readonly DicomTags[]): DicomSeries {
  const first = files[0]!;
  if (files.some((file) => file.frames > 1)) {
    throw wrong(
      folder,
      `"${files.find((file) => file.frames > 1)!.path}" holds several frames; expected one slice a file. Convert it to NIfTI, for ` +
        "example with dcm2niix.",
    );
  }
  for (const file of files) checkSame(folder, first, file);
  const { geometry, ordered } = order(folder, files);
  return {
    volume: {
      path: folder,
      format: "dicom",
      shape: [files.length, first.rows, first.columns],
      channels: first.samples,
      slope: 1,
      intercept: 0,
      geometry,
      dicom: sourceOf(ordered),
    },
    files: ordered,
  };
}

/** What objects that are derived from these files, in the order of their slices, say of them. */
function sourceOf(files: readonly DicomTags[]): DicomSource {
  const { series, frameOfReference, orientation, pixelSpacing, study } = files[0]!;
  const instances = files.map(({ path, sopClass, sopInstance, position }) => ({ path, sopClass, sopInstance, position }));
  return { instances, series, frameOfReference, orientation, pixelSpacing, study };
}

async function readFolder(folder: string): Promise<DicomTags[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError("read", folder, error);
  });
  const files: DicomTags[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    // A link to a pipe or a device would be waited for.
    if (entry.isSymbolicLink() && !(await stat(join(folder, entry.name)).then((found) => found.isFile(), () => true))) continue;
    const tags = await readDicomTags(join(folder, entry.name)).catch((error: unknown) => {
      // A link to a folder, or to nothing, is no slice.
      if (entry.isSymbolicLink() && /EISDIR|ENOENT/.test(String(((error as Error).cause as NodeJS.ErrnoException | undefined)?.code))) return undefined;
      throw error;
    });
    if (tags !== undefined) files.push(tags);
  }
  if (files.length === 0) {
    throw wrong(folder, "it is a folder without DICOM images; expected the files of one series (with DICM at byte 128). Give such a folder, or a volume file.");
  }
  return files;
}

function chooseSeries(folder: string, files: readonly DicomTags[], wanted: string | undefined): readonly DicomTags[] {
  const bySeries = new Map<string, DicomTags[]>();
  for (const file of files) {
    const members = bySeries.get(file.series);
    if (members === undefined) bySeries.set(file.series, [file]);
    else members.push(file);
  }
  if (wanted === undefined && bySeries.size === 1) return files;
  const describe = ({ modality, description }: DicomTags): string => [modality, description].filter((text) => text !== "").join(", ");
  const list = [...bySeries].map(([uid, members]) => `${uid} (${describe(members[0]!)}; ${members.length} files)`).join("; ");
  if (wanted === undefined) {
    throw wrong(folder, `it holds ${bySeries.size} series: ${list}. Choose one: readVolume(path, { series: "…" }), or put each into its own folder.`);
  }
  const chosen = bySeries.get(wanted);
  if (chosen === undefined) throw wrong(folder, `it has no series "${wanted}", only ${list}.${didYouMean(wanted, [...bySeries.keys()])}`);
  return chosen;
}

function checkSame(folder: string, first: DicomTags, file: DicomTags): void {
  const differs = (what: string, a: string | number, b: string | number): HidiffError =>
    wrong(
      folder,
      `the files do not belong together: "${basename(first.path)}" has ${what} ${a}, but "${basename(file.path)}" ${b}. Put them ` +
        "into folders of their own.",
    );
  if (file.rows !== first.rows || file.columns !== first.columns) {
    throw differs("the size", `${first.columns}×${first.rows}`, `${file.columns}×${file.rows}`);
  }
  if (file.samples !== first.samples) throw differs("channels:", first.samples, file.samples);
  const far = (a: readonly number[] = [], b: readonly number[] = []): boolean =>
    a.length !== b.length || a.some((value, index) => Math.abs(value - b[index]!) > 1e-3);
  const show = (values: readonly number[] | undefined): string => (values === undefined ? "none" : `(${values.join(", ")})`);
  if (far(first.orientation, file.orientation)) throw differs("the orientation", show(first.orientation), show(file.orientation));
  if (far(first.pixelSpacing, file.pixelSpacing)) throw differs("the pixel spacing", show(first.pixelSpacing), show(file.pixelSpacing));
}

/** Sorts slices along their normal, and checks that they are equally far from each other and right above each other. */
function order(folder: string, files: readonly DicomTags[]): { geometry: Geometry; ordered: readonly DicomTags[] } {
  const first = files[0]!;
  if (files.length > 1) {
    const without = files.find((file) => file.position === undefined || file.orientation === undefined);
    if (without !== undefined) {
      throw wrong(
        folder,
        `"${basename(without.path)}" does not say where its slice lies (ImagePositionPatient, ImageOrientationPatient), so the ` +
          "slices cannot be put in order.",
      );
    }
  }
  const cosines = first.orientation ?? [1, 0, 0, 0, 1, 0];
  const row: Vector = [cosines[0]!, cosines[1]!, cosines[2]!];
  const column: Vector = [cosines[3]!, cosines[4]!, cosines[5]!];
  const normal = cross(row, column);
  if (!(Math.abs(length(row) - 1) < 0.01 && Math.abs(length(column) - 1) < 0.01 && Math.abs(dot(row, column)) < 0.01)) {
    throw wrong(folder, `"${basename(first.path)}" has the orientation (${cosines.join(", ")}); expected two perpendicular directions. The file is damaged.`);
  }
  const slices = files
    .map((tags) => {
      const position = (tags.position ?? [0, 0, 0]) as unknown as Vector;
      return { tags, position, height: dot(position, normal) };
    })
    .toSorted((a, b) => a.height - b.height);
  const gap = checkGaps(folder, slices, normal);
  const [between, across] = first.pixelSpacing ?? [1, 1];
  const along = [scaled(row, Math.abs(across!)), scaled(column, Math.abs(between!))] as const;
  const geometry = geometryFromSteps(...along, scaled(normal, gap ?? (Math.abs(first.thickness ?? 1) || 1)), slices[0]!.position);
  if (typeof geometry === "string") throw wrong(folder, `${geometry} (PixelSpacing, ImageOrientationPatient). The files are damaged.`);
  return { geometry, ordered: slices.map(({ tags }) => tags) };
}

interface Slice {
  readonly tags: DicomTags;
  readonly position: Vector;
  readonly height: number;
}

/** @returns the distance from slice to slice; undefined for a single one */
function checkGaps(folder: string, slices: readonly Slice[], normal: Vector): number | undefined {
  const gaps = slices.slice(1).map((slice, index) => slice.height - slices[index]!.height);
  if (gaps.length === 0) return undefined;
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor((gaps.length - 1) / 2)]!;
  const tolerance = 0.02 + 0.02 * Math.abs(usual);
  for (const [index, gap] of gaps.entries()) {
    const [before, after] = [slices[index]!, slices[index + 1]!];
    const names = `"${basename(before.tags.path)}" and "${basename(after.tags.path)}"`;
    if (gap < 1e-3) {
      throw wrong(folder, `${names} lie at the same place: there are doubled slices, or several points in time or echoes. Leave one file a place.`);
    }
    if (Math.abs(gap - usual) > tolerance) {
      throw wrong(
        folder,
        `slices are missing or unequally far apart: between ${names} there are ${Number(gap.toFixed(3))} mm, between others ` +
          `${Number(usual.toFixed(3))} mm. Add the missing files, or resample the series to equal distances.`,
      );
    }
    const shift = length(subtract(subtract(after.position, before.position), scaled(normal, gap)));
    if (shift > tolerance) {
      throw wrong(
        folder,
        `its slices are sheared (a tilted gantry): ${names} are shifted by ${Number(shift.toFixed(3))} mm within their plane. ` +
          "Resample the series first, for example with dcm2niix.",
      );
    }
  }
  return (slices.at(-1)!.height - slices[0]!.height) / gaps.length;
}

/**
 * Decodes the slices of a series, in order, with each file's rescale slope and intercept applied.
 *
 * @returns [channels, depth, height, width]
 * @throws `datasets.volume` if ITK cannot decode a file, or the voxels take more than `limitBytes`
 */
export async function readDicomVoxels({ volume, files }: DicomSeries, limitBytes: number): Promise<VoxelArray> {
  const count = voxelCount(volume.shape) * volume.channels;
  const bytes = count * Math.ceil(files[0]!.bits / 8);
  if (bytes > limitBytes) {
    throw wrong(
      volume.path,
      `its voxels take ${bytes} bytes, more than the limit of ${limitBytes}. If that is right, raise the limit: readVolume(path, { ` +
        `limitBytes: ${bytes} }).`,
    );
  }
  // ITK decides on the voxels' type by the first file: files with scales of their own are decoded one by one.
  const same = files.every((file) => file.slope === files[0]!.slope && file.intercept === files[0]!.intercept);
  if (same) return planar(await decode(volume, files, count), volume.channels);
  const data = new Float32Array(count);
  const size = count / files.length;
  for (const [index, file] of files.entries()) data.set(await decode(volume, [file], size), index * size);
  return planar(data, volume.channels);
}

async function decode(volume: VolumeHeader, files: readonly DicomTags[], count: number): Promise<VoxelArray> {
  const { readImageDicomFileSeriesNode } = await import("@itk-wasm/dicom");
  // ITK sees the folders of the files alone, where links to elsewhere lead nowhere.
  const paths = await Promise.all(files.map(({ path }) => realpath(path)));
  const result = await quietly(() => readImageDicomFileSeriesNode({ inputImages: paths, singleSortedSeries: true }));
  const [first, last] = [files[0]!.path, files.at(-1)!.path];
  const what = files.length === 1 ? `"${first}"` : `one of its ${files.length} files, from "${basename(first)}" to "${basename(last)}"`;
  if ("error" in result) {
    const reason = result.error instanceof Error ? result.error.message : result.printed;
    throw new HidiffError(
      "datasets.volume",
      `readVolume: "${volume.path}": ${what} cannot be decoded (${shorten(reason)}). Copy the files again, or convert them to NIfTI, ` +
        "for example with dcm2niix.",
      { cause: result.error },
    );
  }
  const data = result.value.outputImage?.data as VoxelArray | null | undefined;
  if (data?.length !== count) {
    const [depth, height, width] = volume.shape;
    throw wrong(volume.path, `${what} gave ${data?.length ?? 0} voxels; expected ${count} (${describeShape([depth, height, width])}). Copy the files again.`);
  }
  return data;
}

function shorten(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(-200) || "no reason given";
}

/** From channels that lie together to whole channels one after the other. */
function planar(data: VoxelArray, channels: number): VoxelArray {
  if (channels === 1) return data;
  const result = data.slice();
  const voxels = data.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    for (let voxel = 0; voxel < voxels; voxel++) result[channel * voxels + voxel] = data[voxel * channels + channel]!;
  }
  return result;
}

function wrong(folder: string, text: string): HidiffError {
  return new HidiffError("datasets.volume", `readVolume: "${folder}": ${text}`);
}
