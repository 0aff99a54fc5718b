import { open, rename, unlink } from "node:fs/promises";
import { elementCount } from "../arrays/element-count.ts";
import { HidiffError } from "../errors.ts";
import type { HostTensor } from "../modules/module.ts";
import { fileError } from "./atomic-file.ts";
import { encodeSafetensorsHeader } from "./safetensors-header.ts";
import { temporaryPath } from "./temporary-files.ts";

/** An array that is computed or read when it is written. */
export interface WeightsToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  read(): Promise<HostTensor> | HostTensor;
}

/**
 * Writes a safetensors file array by array, so that no more than one of them is in memory, completely or not at all: to a
 * temporary name beside it, flushed, then renamed into place.
 *
 * @throws HidiffError `file.write`, `safetensors.shape` for an array that is not of the shape it was said to be of, and
 * what `read` throws; what was there before is untouched
 */
export async function writeWeights(path: string, arrays: readonly WeightsToWrite[], metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  const header = encodeSafetensorsHeader(
    arrays.map(({ name, shape }) => ({ name, dtype: "F32", shape, byteLength: 4 * elementCount(shape) })),
    metadata,
  );
  const temporary = temporaryPath(path);
  const write = async <T>(action: () => Promise<T>): Promise<T> =>
    action().catch((error: unknown) => {
      throw fileError("write", path, error);
    });
  const file = await write(() => open(temporary, "w"));
  try {
    try {
      await write(() => file.writeFile(header));
      for (const { name, shape, read } of arrays) {
        const { data } = await read();
        if (data.length !== elementCount(shape)) {
          throw new HidiffError("safetensors.shape", `${name} has ${data.length} elements, its shape [${shape}] needs ${elementCount(shape)}.`);
        }
        await write(() => file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
      }
      await write(() => file.sync());
    } finally {
      await file.close();
    }
    await write(() => rename(temporary, path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
