import { decodeSafetensorsHeader, safetensorsDataStart } from "../checkpoints/safetensors-header.ts";
import { HidiffError } from "../errors.ts";
import type { FileContents } from "./array-file.ts";
import type { ByteSource } from "./byte-source.ts";
import { sizeOfType } from "./element-types.ts";
import type { StoredArray } from "./stored-array.ts";

/** Whether a file's first bytes are those of a safetensors file: the length of a JSON object, and its start. */
export function isSafetensors(start: Uint8Array): boolean {
  return start.length >= 9 && start.subarray(4, 8).every((byte) => byte === 0) && start[8] === "{".charCodeAt(0);
}

/**
 * Finds the arrays of a safetensors file.
 *
 * @throws HidiffError `safetensors.format` for a damaged file, `safetensors.dtype` for element types of unknown size
 */
export async function readSafetensorsArrays(source: ByteSource, name: string): Promise<FileContents> {
  const dataStart = safetensorsDataStart(await source.read(0, Math.min(8, source.size)), source.size, name);
  const { entries, metadata } = decodeSafetensorsHeader(await source.read(8, dataStart - 8), source.size, name, (dtype, key) => {
    const size = sizeOfType(dtype);
    if (size !== undefined) return size;
    throw new HidiffError(
      "safetensors.dtype",
      `${name}: ${key} has element type ${dtype}, which is unknown. Convert the file to F32, F16 or BF16 first.`,
    );
  });
  const arrays = new Map<string, StoredArray>();
  for (const [key, { dtype, shape, begin }] of entries) arrays.set(key, { dtype, shape, offset: begin, source: async () => source });
  return { format: "safetensors", arrays, metadata };
}
