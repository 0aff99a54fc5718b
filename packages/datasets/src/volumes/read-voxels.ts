import { HidiffError } from "@hidiff/core-tensor/errors";
import type { VoxelArray } from "../types.ts";
import { type Compression, mostBytes, unpackedChunks } from "./byte-stream.ts";
import { bytesOf, replaceInt64, viewAs, type VoxelType } from "./voxel-type.ts";

/** Where and how the voxels of a volume are stored. */
export interface VoxelLayout {
  /** The file the user named, for messages. */
  readonly path: string;
  /** The file with the voxels; differs from `path` for detached headers. */
  readonly dataPath: string;
  /** The size of that file. */
  readonly fileBytes: number;
  readonly compression: Compression;
  /** Where the (compressed) data begin in the file. */
  readonly start: number;
  /** Unpacked bytes between there and the first voxel. */
  readonly skip: number;
  readonly type: VoxelType;
  readonly littleEndian: boolean;
  /** Voxels in a channel. */
  readonly voxels: number;
  readonly channels: number;
  /** Whether the channels of a voxel lie together, rather than the voxels of a channel. */
  readonly interleaved: boolean;
}

interface ReadVoxelsOptions {
  /** Reads this channel alone. */
  readonly channel?: number | undefined;
  /** The most memory that voxels may take. */
  readonly limitBytes: number;
}

/** Zero bytes that some writers fill their last block with are accepted behind the voxels, up to this many. */
const paddingBytes = 4096;

/**
 * Reads voxels into one array that is as large as they are, whatever the file claims to hold beyond them. All data are
 * unpacked, also for a single channel, so that damage is found; of those that are not wanted nothing is kept.
 *
 * @returns [channels, voxels], or [voxels] of the wanted channel
 * @throws `datasets.volume` if the file's size cannot be right, or its data are truncated, damaged or too many
 */
export async function readVoxels(layout: VoxelLayout, options: ReadVoxelsOptions): Promise<VoxelArray> {
  const size = bytesOf(layout.type);
  const total = layout.voxels * layout.channels * size;
  const kept = options.channel === undefined ? total : layout.voxels * size;
  checkSizes(layout, total, kept, options.limitBytes);
  const buffer = allocate(layout, kept);
  const bytes = new Uint8Array(buffer);
  const sink = layout.interleaved && layout.channels > 1 ? interleavedSink(layout, bytes, options.channel) : planarSink(layout, bytes, options.channel);
  let position = -layout.skip; // relative to the first voxel
  let surplus = 0;
  for await (const chunk of unpackedChunks(layout.dataPath, layout.start, layout.compression, undefined, nameOf(layout))) {
    const begin = Math.min(Math.max(0, -position), chunk.length);
    const end = Math.min(chunk.length, Math.max(0, total - position));
    if (end > begin) sink(chunk.subarray(begin, end), position + begin);
    surplus += checkSurplus(layout, chunk.subarray(Math.max(begin, end)), surplus, total);
    position += chunk.length;
  }
  if (position < total) {
    throw wrong(
      layout,
      `the header promises ${total} bytes of voxels, but the data end after ${Math.max(0, position)}: the file is truncated. Copy or ` +
        "download it again.",
    );
  }
  return finish(layout, buffer, size);
}

function checkSizes(layout: VoxelLayout, total: number, kept: number, limitBytes: number): void {
  if (!Number.isSafeInteger(total)) throw wrong(layout, "the sizes in its header are not plausible; the header is damaged.");
  const possible = mostBytes(Math.max(0, layout.fileBytes - layout.start), layout.compression);
  if (layout.skip + total > possible) {
    throw wrong(
      layout,
      `its header claims ${total} bytes of voxels${layout.skip > 0 ? ` from byte ${layout.start + layout.skip} on` : ""}, but the file has only ` +
        `${layout.fileBytes} bytes${layout.compression === "none" ? "" : ", which cannot unpack to so much"}: it is truncated or its header is ` +
        "damaged. Copy or download it again.",
    );
  }
  if (kept > limitBytes) {
    throw wrong(
      layout,
      `its voxels take ${kept} bytes, more than the limit of ${limitBytes}. If that is right, raise the limit: readVolume(path, { limitBytes: ${kept} }).`,
    );
  }
  if (layout.compression === "none" && layout.fileBytes - layout.start - layout.skip - total > paddingBytes) throw tooMuch(layout, total);
}

function allocate(layout: VoxelLayout, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (error) {
    throw new HidiffError("datasets.volume", `readVolume: no memory for the ${bytes} bytes of "${layout.path}"; free some, or read one channel at a time.`, {
      cause: error,
    });
  }
}

/** Takes the bytes of voxels, and where in the data they begin. */
type Sink = (bytes: Uint8Array, position: number) => void;

function planarSink(layout: VoxelLayout, target: Uint8Array, channel: number | undefined): Sink {
  const first = channel === undefined ? 0 : channel * target.length;
  return (bytes, position) => {
    const begin = Math.max(0, first - position);
    const end = Math.min(bytes.length, first + target.length - position);
    if (end > begin) target.set(bytes.subarray(begin, end), position + begin - first);
  };
}

function interleavedSink(layout: VoxelLayout, target: Uint8Array, wanted: number | undefined): Sink {
  const size = bytesOf(layout.type);
  const { channels, voxels } = layout;
  return (bytes, position) => {
    let byte = position % size;
    const element = (position - byte) / size;
    let channel = element % channels;
    let voxel = (element - channel) / channels;
    for (let index = 0; index < bytes.length; index++) {
      if (wanted === undefined) target[(channel * voxels + voxel) * size + byte] = bytes[index]!;
      else if (wanted === channel) target[voxel * size + byte] = bytes[index]!;
      if (++byte < size) continue;
      byte = 0;
      if (++channel < channels) continue;
      channel = 0;
      voxel++;
    }
  };
}

/** More than a little zero padding behind the voxels means that the header and the data do not belong together. */
function checkSurplus(layout: VoxelLayout, bytes: Uint8Array, before: number, total: number): number {
  if (before + bytes.length > paddingBytes || bytes.some((byte) => byte !== 0)) throw tooMuch(layout, total);
  return bytes.length;
}

function tooMuch(layout: VoxelLayout, total: number): HidiffError {
  return wrong(
    layout,
    `there are more data than the ${total} bytes of voxels that its header promises. The header is damaged or belongs to another ` +
      "file; write the volume again with the tool that made it.",
  );
}

function finish(layout: VoxelLayout, buffer: ArrayBuffer, size: number): VoxelArray {
  if (!layout.littleEndian && size > 1) {
    const bytes = Buffer.from(buffer);
    if (size === 2) bytes.swap16();
    else if (size === 4) bytes.swap32();
    else bytes.swap64();
  }
  if (layout.type === "int64" || layout.type === "uint64") {
    const index = replaceInt64(buffer, layout.type === "int64");
    if (index >= 0) {
      throw new HidiffError(
        "datasets.voxels",
        `readVolume: voxel ${index} of "${layout.path}" is a 64-bit integer beyond ±2^53, which JavaScript's numbers do not hold ` +
          "exactly. Store the volume with 32-bit integers.",
      );
    }
  }
  return viewAs(layout.type, buffer);
}

function wrong(layout: VoxelLayout, text: string): HidiffError {
  return new HidiffError("datasets.volume", `readVolume: ${nameOf(layout)}: ${text}`);
}

function nameOf(layout: VoxelLayout): string {
  return layout.dataPath === layout.path ? `"${layout.path}"` : `"${layout.dataPath}" of "${layout.path}"`;
}
