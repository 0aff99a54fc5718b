import type { Fail } from "../../arrays/fail.ts";
import { HidiffError } from "../../errors.ts";
import type { FileContents } from "../array-file.ts";
import type { ByteSource } from "../byte-source.ts";
import { sizeOfType } from "../element-types.ts";
import type { StoredArray } from "../stored-array.ts";
import type { PickledObject } from "./pytorch-pickle.ts";
import { tensorEntries } from "./tensor-entries.ts";

/** What throws the error of a damaged PyTorch file. */
export function pytorchFailure(name: string): Fail {
  return (what) => {
    const reason = what.slice(0, 500); // names in the file may be of any length
    throw new HidiffError(
      "pytorch.format",
      `${name}: ${reason}. Expected a complete file of torch.save; copy it again, or save its state_dict() again.`,
    );
  };
}

/**
 * The arrays of a pickled object.
 *
 * @param pickleLength in bytes
 * @param locate where a storage's elements begin in the file, from its key
 */
export function pytorchArrays(
  { value }: PickledObject,
  pickleLength: number,
  source: ByteSource,
  bigEndian: boolean,
  name: string,
  locate: (key: string) => number,
): FileContents {
  const arrays = new Map<string, StoredArray>();
  const tensors = tensorEntries(value, { fail: pytorchFailure(name), work: 16 * pickleLength + 100_000, elements: source.size });
  for (const [key, { dtype, shape, strides, offset, storage }] of tensors) {
    const begin = locate(storage.key) + storage.begin * sizeOfType(storage.dtype)!;
    arrays.set(key, { dtype, shape, strides, bigEndian, offset: begin + offset * sizeOfType(dtype)!, source: async () => source });
  }
  return { format: "pytorch", arrays };
}
