import { HidiffError } from "@hidiff/core-tensor/errors";
import { writeThroughItk } from "./itk-write.ts";
import { isMetaPath } from "./meta-image.ts";
import { encodeNiftiHeader, mostNifti1Size, patchNiftiHeader, type WrittenKind } from "./nifti-encode.ts";
import { isNrrdPath } from "./nrrd.ts";
import { volumeExtensions } from "./volume-paths.ts";
import { describeShape, type VolumeHeader, voxelCount } from "./volume.ts";
import { writePiecesAtomic } from "./write-stream.ts";

/**
 * Writes class numbers on the grid of `like`, as uint8. The path's extension tells the format. From NIfTI to NIfTI the
 * header is kept, byte order included: its geometry stays bit for bit. Files are written completely or not at all.
 *
 * @param labels [depth, height, width] in the order of `like`, as `OrientedVolume.restore` gives it
 * @throws `datasets.size` for another number of voxels, `datasets.volume` for an unknown extension, `file.write`
 */
export async function writeLabelVolume(path: string, labels: Uint8Array, like: VolumeHeader): Promise<void> {
  const voxels = voxelCount(like.shape);
  if (labels.length !== voxels) {
    throw new HidiffError(
      "datasets.size",
      `writeLabelVolume: "${path}" has the grid of "${like.path}", ${describeShape(like.shape)} = ${voxels} voxels, but got ${labels.length} labels.`,
    );
  }
  await write(path, labels, 1, like, "labels");
}

/**
 * Writes real numbers, such as probabilities, on the grid of `like`, as float32; otherwise as {@link writeLabelVolume}.
 *
 * @param values [depth, height, width] or [channels, depth, height, width] in the order of `like`
 */
export async function writeMapVolume(path: string, values: Float32Array, like: VolumeHeader): Promise<void> {
  const channels = values.length / voxelCount(like.shape);
  if (!Number.isInteger(channels) || channels < 1) {
    throw new HidiffError(
      "datasets.size",
      `writeMapVolume: "${path}" has the grid of "${like.path}", ${describeShape(like.shape)} voxels a channel; got ${values.length} ` +
        "values, which are no whole number of channels.",
    );
  }
  await write(path, values, channels, like, "float32");
}

async function write(path: string, data: Uint8Array | Float32Array, channels: number, like: VolumeHeader, kind: WrittenKind): Promise<void> {
  if (isNrrdPath(path) || isMetaPath(path)) {
    await writeThroughItk(path, data, like.shape, channels, like.geometry);
    return;
  }
  const compressed = /\.nii\.gz$/i.test(path);
  if (!compressed && !/\.nii$/i.test(path)) {
    throw new HidiffError("datasets.volume", `writeVolume: the extension of "${path}" is no volume format; expected one of ${volumeExtensions.join(", ")}.`);
  }
  if (like.header?.length !== 540 && [...like.shape, channels].some((size) => size > mostNifti1Size)) {
    throw new HidiffError(
      "datasets.size",
      `writeVolume: "${path}" would have ${describeShape(like.shape)} voxels in ${channels} channels; NIfTI-1 has at most ${mostNifti1Size} along an axis. ` +
        "Write .nrrd or .mha instead.",
    );
  }
  const header = like.header ?? encodeNiftiHeader(like.geometry);
  const { start, littleEndian } = patchNiftiHeader(header, like.shape, channels, kind);
  await writePiecesAtomic(path, pieces(start, data, littleEndian), compressed ? "gzip" : "none");
}

function* pieces(start: Uint8Array, data: Uint8Array | Float32Array, littleEndian: boolean): Generator<Uint8Array> {
  yield start;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const step = 256 * 1024;
  for (let at = 0; at < bytes.length; at += step) {
    const piece = bytes.subarray(at, at + step);
    yield littleEndian || data instanceof Uint8Array ? piece : Buffer.from(piece).swap32();
  }
}
