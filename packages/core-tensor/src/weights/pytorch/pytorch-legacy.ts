import type { Fail } from "../../arrays/fail.ts";
import { decodeLatin1 } from "../../arrays/latin1.ts";
import type { FileContents } from "../array-file.ts";
import type { ByteSource } from "../byte-source.ts";
import { sizeOfType } from "../element-types.ts";
import { longestPickle, type PickledObject, readPickle } from "./pytorch-pickle.ts";
import { pytorchArrays, pytorchFailure } from "./pytorch-weights.ts";

/** What these files begin with: a pickle of this number. */
const magic = 0x1950a86a20f9469cfc6cn;
const formatVersion = 1001;

/** Whether a file's first bytes may be a pickle's, of protocol 2 or later or of the magic number in protocol 0. */
export function isPickle(start: Uint8Array): boolean {
  return start[0] === 0x80 || decodeLatin1(start.subarray(0, 22)) === `L${magic}`.slice(0, 22);
}

/**
 * Finds the arrays of a PyTorch file before version 1.6: the pickles of a magic number, the format's version, the writer's
 * system, the object and the storages' keys, then the storages, each behind its length. They are little-endian on every system.
 *
 * @throws HidiffError `pytorch.format`, `pytorch.unsafe`
 */
export async function readPytorchLegacy(source: ByteSource, name: string): Promise<FileContents> {
  const fail = pytorchFailure(name);
  let position = 0;
  const next = async (): Promise<PickledObject> => {
    const object = await readPickleAt(source, position, name, fail);
    position += object.end;
    return object;
  };
  if ((await next()).value !== magic) fail("it is a pickle, but not of torch.save");
  const { value: version } = await next();
  if (version !== formatVersion) fail(`the version of its format is ${String(version)}, not ${formatVersion}`);
  await next();
  const object = await next();
  const { value: keys } = await next();
  if (!Array.isArray(keys)) return fail("it has no list of storages");

  const places = new Map<string, number>();
  for (const key of keys) {
    const storage = object.storages.get(key as string) ?? fail("it lists a storage that no tensor has");
    const view = new DataView((await source.read(position, Math.min(8, source.size - position))).buffer);
    const length = view.byteLength === 8 ? Number(view.getBigInt64(0, true)) : fail("truncated in its storages");
    if (length !== storage.length) fail(`storage ${storage.key} has ${length} elements instead of ${storage.length}`);
    if (places.has(storage.key)) fail(`it lists storage ${storage.key} twice`);
    places.set(storage.key, position + 8);
    position += 8 + length * sizeOfType(storage.dtype)!;
    if (position > source.size) fail(`truncated: storage ${storage.key} ends at byte ${position}, the file has ${source.size}`);
  }
  const locate = (key: string): number => places.get(key) ?? fail(`storage ${key} is missing`);
  return pytorchArrays(object, object.end, source, false, name, locate);
}

/** Reads a pickle of unknown length, from ever more bytes: the storages behind it would not fit in memory. */
async function readPickleAt(source: ByteSource, position: number, name: string, fail: Fail): Promise<PickledObject> {
  const available = source.size - position;
  for (let length = 2 ** 14; ; length *= 4) {
    const object = readPickle(await source.read(position, Math.min(length, available)), 0, name, fail);
    if (object !== undefined) return object;
    if (length >= available) return fail("truncated in its pickles");
    if (length >= longestPickle) return fail(`one of its pickles has more than ${longestPickle} bytes`);
  }
}
