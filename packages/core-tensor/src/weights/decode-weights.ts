import { arrayFile } from "./array-file.ts";
import { bytesSource } from "./byte-source.ts";
import { findArrays } from "./find-arrays.ts";
import type { WeightsFile } from "./weights-file.ts";

/**
 * Reads a file of weights that is in memory: safetensors, PyTorch's `.pt` and `.pth`, or `.npz`, which its content tells.
 * Nothing in it is executed.
 *
 * @param name how errors call the file
 * @throws HidiffError `weights.format`; for damaged files `safetensors.format`, `pytorch.format`, `npz.format` or `npy.format`;
 * `safetensors.dtype` for unknown element types; `pytorch.unsafe` for pickles of more than plain data; `pytorch.torchscript`
 */
export async function decodeWeights(bytes: Uint8Array, name: string): Promise<WeightsFile> {
  const source = bytesSource(bytes, name);
  return arrayFile(await findArrays(source, name), name, () => source.close());
}
