import type { ZipEntry } from "../../arrays/zip-entries.ts";
import { HidiffError } from "../../errors.ts";
import type { FileContents } from "../array-file.ts";
import type { ByteSource } from "../byte-source.ts";
import { sizeOfType } from "../element-types.ts";
import { longestPickle, readPickle } from "./pytorch-pickle.ts";
import { pytorchArrays, pytorchFailure } from "./pytorch-weights.ts";

/** The folder of an archive in which `torch.save` put its files, with a slash behind, or undefined if there is none. */
export function pytorchFolder(entries: readonly ZipEntry[]): string | undefined {
  return entries.map(({ path }) => /^([^/]*\/|)data\.pkl$/.exec(path)?.[1]).find((folder) => folder !== undefined);
}

/**
 * Finds the arrays of a PyTorch file since version 1.6: a zip archive with the pickled object in `data.pkl`, each storage in
 * `data/KEY`, and `byteorder`. Checksums are not verified, since `torch.save` can be told not to compute them.
 *
 * @throws HidiffError `pytorch.format`, `pytorch.unsafe`, and `pytorch.torchscript` for a compiled program
 */
export async function readPytorchZip(source: ByteSource, entries: readonly ZipEntry[], folder: string, name: string): Promise<FileContents> {
  const fail = pytorchFailure(name);
  const files = new Map<string, ZipEntry>();
  for (const entry of entries) {
    if (files.has(entry.path)) fail(`it contains "${entry.path}" twice`);
    files.set(entry.path, entry);
  }
  if (files.has(`${folder}constants.pkl`) || entries.some(({ path }) => path.startsWith(`${folder}code/`))) {
    throw new HidiffError(
      "pytorch.torchscript",
      `${name} is a TorchScript program, not a file of weights. In Python, save its arrays: torch.save(torch.jit.load(…).state_dict(), "weights.pt").`,
    );
  }
  const find = (path: string): ZipEntry => {
    const entry = files.get(folder + path) ?? fail(`it has no file "${path}"`);
    if (entry.method !== 0 || entry.storedSize !== entry.size) {
      fail(`"${path}" was compressed, which torch.save does not do; pack the archive without compression`);
    }
    return entry;
  };

  const pickle = find("data.pkl");
  if (pickle.size > longestPickle) fail(`its pickle has ${pickle.size} bytes, which is too much`);
  const object = readPickle(await source.read(pickle.offset, pickle.size), 0, name, fail) ?? fail("its pickle is truncated");
  const order = files.has(`${folder}byteorder`) ? find("byteorder") : undefined;
  const bigEndian = order?.size === 3 && new TextDecoder().decode(await source.read(order.offset, 3)) === "big";

  for (const { key, dtype, length } of object.storages.values()) {
    const { size } = find(`data/${key}`);
    const needed = length * sizeOfType(dtype)!;
    if (size !== needed) fail(`storage ${key} has ${size} bytes, its ${length} elements of ${dtype} need ${needed}`);
  }
  return pytorchArrays(object, pickle.size, source, bigEndian, name, (key) => find(`data/${key}`).offset);
}
