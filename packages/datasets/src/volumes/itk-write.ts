import { mkdir, readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { fileError, temporaryPath } from "@hidiff/core-tensor/files-node";
import type { writeImageNode } from "@itk-wasm/image-io";
import type { Geometry } from "../types.ts";
import { quietly } from "./quietly.ts";
import { readVolume } from "./read-volume.ts";
import type { VolumeShape } from "./volume.ts";
import { flush } from "./write-stream.ts";

type ItkImage = Parameters<typeof writeImageNode>[0];

/**
 * Writes NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd) files through ITK, compressed: into a folder beside the target,
 * read back and compared (ITK does not notice a full disk), flushed, then renamed into place; detached data before their
 * header.
 *
 * @param data [channels, depth, height, width]
 * @throws `file.write`; what was there before is untouched
 */
export async function writeThroughItk(
  path: string,
  data: Uint8Array | Float32Array,
  shape: VolumeShape,
  channels: number,
  geometry: Geometry,
): Promise<void> {
  const failed = (error: unknown): HidiffError => (error instanceof HidiffError ? error : fileError("write", path, error));
  const { writeImageNode } = await import("@itk-wasm/image-io");
  let folder: string;
  try {
    folder = join(await realpath(dirname(path)), basename(temporaryPath(path)));
    await mkdir(folder);
  } catch (error) {
    throw failed(error);
  }
  try {
    const temporary = join(folder, basename(path));
    // ITK knows formats by extensions in small letters.
    const named = temporary.slice(0, temporary.length - extname(path).length) + extname(path).toLowerCase();
    const result = await quietly(() => writeImageNode(itkImage(data, shape, channels, geometry), named, { useCompression: true }));
    if ("error" in result) throw new Error(`ITK could not write it${result.printed === "" ? "" : ` (${result.printed.replace(/\s+/g, " ").slice(-200)})`}`);
    await compare(path, named, data);
    // The header last: the name the user knows never leads to data that are not there.
    for (const name of (await readdir(folder)).toSorted((a, b) => Number(a === basename(named)) - Number(b === basename(named)))) {
      await flush(join(folder, name));
      await rename(join(folder, name), name === basename(named) ? path : join(dirname(path), name));
    }
  } catch (error) {
    throw failed(error);
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function compare(path: string, written: string, data: Uint8Array | Float32Array): Promise<void> {
  const back = (await readVolume(written, { limitBytes: Infinity, allowNonFinite: true })).data;
  if (back.length === data.length && data.every((value, index) => Object.is(back[index], value))) return;
  throw new HidiffError("file.write", `Cannot write ${path}: what was written reads back differently. The disk may be full or damaged; choose another one.`);
}

function itkImage(data: Uint8Array | Float32Array, shape: VolumeShape, channels: number, geometry: Geometry): ItkImage {
  return {
    imageType: {
      dimension: 3,
      componentType: data instanceof Uint8Array ? "uint8" : "float32",
      pixelType: channels === 1 ? "Scalar" : "VariableLengthVector",
      components: channels,
    },
    name: "volume",
    origin: [...geometry.origin],
    spacing: [...geometry.spacing],
    direction: Float64Array.from(geometry.direction),
    size: [shape[2], shape[1], shape[0]],
    metadata: new Map(),
    // The whole buffer behind an array is passed on, so it has to be the array's own.
    data: channels === 1 ? data.slice() : interleave(data, channels),
  } as unknown as ItkImage;
}

function interleave(data: Uint8Array | Float32Array, channels: number): Uint8Array | Float32Array {
  const voxels = data.length / channels;
  const result = data.slice();
  for (let channel = 0; channel < channels; channel++) {
    for (let voxel = 0; voxel < voxels; voxel++) result[voxel * channels + channel] = data[channel * voxels + voxel]!;
  }
  return result;
}
