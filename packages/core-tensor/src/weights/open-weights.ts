import { dirname, join } from "node:path";
import { HidiffError } from "../errors.ts";
import { arrayFile } from "./array-file.ts";
import type { ByteSource } from "./byte-source.ts";
import { openFileSource } from "./file-source.ts";
import { findArrays, readStart } from "./find-arrays.ts";
import { isShardIndex, openShards } from "./shards.ts";
import type { WeightsFile } from "./weights-file.ts";

/** An index of this length would be of millions of arrays. */
const longestIndex = 2 ** 28;

/**
 * Opens a file of weights: safetensors, PyTorch's `.pt` and `.pth`, or `.npz`, which its content tells, of any size; or the
 * `.index.json` of a model in several such files. Arrays are read from the file when they are asked for. Nothing in it is
 * executed. Close it when the arrays are read.
 *
 * @throws HidiffError as `decodeWeights`; `file.read`; `weights.index` for an index that is damaged or does not fit its files
 */
export async function openWeights(path: string): Promise<WeightsFile> {
  return withSource(path, async (source) => {
    if (!isShardIndex(await readStart(source))) return fileOf(source, path);
    if (source.size > longestIndex) {
      throw new HidiffError("weights.index", `${path}: it has ${source.size} bytes, too many for an index of weights.`);
    }
    const index = await source.read(0, source.size);
    await source.close();
    return openShards(index, path, (shard) => {
      const file = join(dirname(path), shard);
      return withSource(file, (part) => fileOf(part, file));
    });
  });
}

async function fileOf(source: ByteSource, path: string): Promise<WeightsFile> {
  return arrayFile(await findArrays(source, path), path, () => source.close());
}

/** Opens a source, which is closed again if that fails. */
async function withSource(path: string, use: (source: ByteSource) => Promise<WeightsFile>): Promise<WeightsFile> {
  const source = await openFileSource(path);
  try {
    return await use(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}
