import { stat } from "node:fs/promises";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { readError } from "../files/read-file.ts";
import { type DicomSeries, readDicomFile, readDicomSeries, readDicomVoxels } from "./dicom-series.ts";
import { isMetaPath, readMetaHeader } from "./meta-image.ts";
import { readNiftiHeader } from "./nifti-header.ts";
import { isNrrdPath, readNrrdHeader } from "./nrrd.ts";
import { readVoxels, type VoxelLayout } from "./read-voxels.ts";
import { isVolumePath, volumeExtensions } from "./volume-paths.ts";
import { checkFinite, type Volume, voxelCount, type VolumeHeader } from "./volume.ts";

export interface ReadVolumeOptions {
  /** The most memory that the voxels may take. Default 4 GiB. */
  readonly limitBytes?: number;
  /** Reads this channel alone (of a NIfTI file: this frame of the fourth dimension). */
  readonly channel?: number;
  /** The SeriesInstanceUID to read from a folder with several DICOM series. */
  readonly series?: string;
  /** Accepts NaN and infinite voxels. Default false. */
  readonly allowNonFinite?: boolean;
}

const defaultLimit = 4 * 1024 ** 3;

/**
 * Reads a volume: NIfTI-1 and -2 (.nii, .nii.gz, either byte order), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), or a
 * folder with the files of a DICOM series, or one such file. Voxels keep the type of the file, except that 64-bit integers become float64
 * numbers; DICOM's rescaling is applied already. But for DICOM, whose decoder needs copies, no more memory is taken than
 * the voxels need, and nothing is taken before the file's size was found to fit its header.
 *
 * @throws `file.read` for unreadable files; `datasets.volume` for damaged, truncated, implausible or unsupported ones;
 * `datasets.voxels` for NaN and infinite voxels; `datasets.path` for detached data outside of the header's folder;
 * `datasets.option` for a channel that is not there
 */
export async function readVolume(path: string, options: ReadVolumeOptions = {}): Promise<Volume> {
  const { channel, limitBytes = defaultLimit } = options;
  const source = await openVolume(path, options);
  const { channels, shape } = source.volume;
  if (channel !== undefined && !(Number.isInteger(channel) && channel >= 0 && channel < channels)) {
    throw new HidiffError("datasets.option", `readVolume: "${path}" has the channels 0 … ${channels - 1}; channel ${channel} is not one of them.`);
  }
  const volume = { ...source.volume, channels: channel === undefined ? channels : 1, data: await source.read(channel, limitBytes) };
  const expected = voxelCount(shape) * volume.channels;
  if (volume.data.length !== expected) {
    throw new HidiffError(
      "datasets.volume",
      `readVolume: "${path}" gave ${volume.data.length} voxels; expected ${expected}.`,
    );
  }
  if (options.allowNonFinite !== true) checkFinite(volume);
  return volume;
}

/** Reads what {@link readVolume} says of a volume except its voxels: of compressed files the first bytes, of DICOM the tags. */
export async function readVolumeHeader(path: string, options: Pick<ReadVolumeOptions, "series"> = {}): Promise<VolumeHeader> {
  return (await openVolume(path, options)).volume;
}

interface Source {
  readonly volume: VolumeHeader;
  read(channel: number | undefined, limitBytes: number): Promise<Volume["data"]>;
}

async function openVolume(path: string, options: ReadVolumeOptions): Promise<Source> {
  const found = await stat(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  const series = found.isDirectory() ? await readDicomSeries(path, options.series) : isVolumePath(path) ? undefined : await readDicomFile(path);
  if (series !== undefined) return dicomSource(series);
  const { volume, layout } = await headerReader(path)(path);
  return { volume, read: (channel, limitBytes) => readVoxels(layout, { channel, limitBytes }) };
}

function dicomSource(series: DicomSeries): Source {
  const size = voxelCount(series.volume.shape);
  return {
    volume: series.volume,
    read: async (channel, limitBytes) => {
      const data = await readDicomVoxels(series, limitBytes);
      return channel === undefined || series.volume.channels === 1 ? data : data.slice(channel * size, (channel + 1) * size);
    },
  };
}

function headerReader(path: string): (path: string) => Promise<{ volume: VolumeHeader; layout: VoxelLayout }> {
  if (/\.nii(\.gz)?$/i.test(path)) return readNiftiHeader;
  if (isNrrdPath(path)) return readNrrdHeader;
  if (isMetaPath(path)) return readMetaHeader;
  throw new HidiffError(
    "datasets.volume",
    `readVolume: "${path}" is no volume; expected ${volumeExtensions.join(", ")}, a DICOM image, or a folder with the files of a DICOM series.`,
  );
}
