import type { Fail } from "../../arrays/fail.ts";
import { sizeOfType } from "../element-types.ts";
import { PickleEnd } from "./pickle-bytes.ts";
import { PickleMachine } from "./pickle-machine.ts";
import { isCount, PickleGlobal, type PickleValue, type Storage } from "./pickle-values.ts";
import { pytorchGlobal } from "./pytorch-globals.ts";

/** A pickle, where it ended, and the storages that it names. */
export interface PickledObject {
  readonly value: PickleValue;
  readonly end: number;
  readonly storages: ReadonlyMap<string, Storage>;
}

/** The limit of a pickle's length, in bytes. Those of the largest checkpoints have a few MiB, since arrays are not in them. */
export const longestPickle: number = 2 ** 26;

/**
 * Reads a pickle of PyTorch as data.
 *
 * @param fail throws the error of a damaged file
 * @returns undefined if the pickle goes on behind the bytes
 * @throws HidiffError `pytorch.unsafe`, see {@link pytorchGlobal}
 */
export function readPickle(bytes: Uint8Array, position: number, file: string, fail: Fail): PickledObject | undefined {
  const storages = new Map<string, Storage>();
  const machine = new PickleMachine(bytes, position, {
    fail,
    global: (name) => pytorchGlobal(name, file),
    persistent: (id) => readStorage(id, storages, fail),
  });
  try {
    return { value: machine.run(), end: machine.position, storages };
  } catch (error) {
    if (error instanceof PickleEnd) return undefined;
    if (error instanceof RangeError) return fail("its pickle needs more memory than there is");
    throw error;
  }
}

/**
 * The storage of `("storage", type, key, location, length)`, before PyTorch 1.6 with `None` or a view
 * `(view key, offset, length)` behind.
 */
function readStorage(id: PickleValue, storages: Map<string, Storage>, fail: Fail): Storage {
  if (!Array.isArray(id) || id[0] !== "storage") return fail("it refers to something outside of it that is no storage");
  const [, type, key, , length, view] = id;
  if (!(type instanceof PickleGlobal) || type.dtype === undefined || typeof key !== "string" || !isCount(length)) {
    return fail("a storage is malformed");
  }
  if (!(length * sizeOfType(type.dtype)! <= Number.MAX_SAFE_INTEGER)) return fail(`a storage has ${length} elements`);
  const known = storages.get(key);
  const storage = known ?? { kind: "storage", key, dtype: type.dtype, begin: 0, length };
  if (storage.dtype !== type.dtype || storage.length !== length) return fail(`storage ${key} is described in two ways`);
  storages.set(key, storage);
  if (view === undefined || view === null) return storage;
  const [, begin, viewLength] = Array.isArray(view) ? view : [];
  if (!isCount(begin) || !isCount(viewLength) || begin + viewLength > length) return fail(`a view does not fit storage ${key}`);
  return { ...storage, begin, length: viewLength };
}
