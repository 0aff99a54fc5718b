import { decodeLatin1 } from "../arrays/latin1.ts";
import { HidiffError } from "../errors.ts";
import type { FileContents } from "./array-file.ts";
import type { ByteSource } from "./byte-source.ts";
import { readNpzArrays } from "./npz-weights.ts";
import { isPickle, readPytorchLegacy } from "./pytorch/pytorch-legacy.ts";
import { pytorchFolder, readPytorchZip } from "./pytorch/pytorch-zip.ts";
import { isSafetensors, readSafetensorsArrays } from "./safetensors-weights.ts";
import { isZip, readZipEntries } from "./zip-source.ts";

/** How many of a file's first bytes tell its format. */
const startLength = 512;

/** The first bytes of a file. */
export function readStart(source: ByteSource): Promise<Uint8Array> {
  return source.read(0, Math.min(startLength, source.size));
}

/**
 * Finds the arrays of a file of weights, whose format its content tells.
 *
 * @throws HidiffError `weights.format` for a file of none of the formats, and the formats' own errors
 */
export async function findArrays(source: ByteSource, name: string): Promise<FileContents> {
  const start = await readStart(source);
  if (isSafetensors(start)) return readSafetensorsArrays(source, name);
  if (isZip(start)) return readZip(source, name);
  if (isPickle(start)) return readPytorchLegacy(source, name);
  throw new HidiffError("weights.format", `${name} ${describe(start)} Expected weights: safetensors, a PyTorch .pt or .pth file, or .npz.`);
}

async function readZip(source: ByteSource, name: string): Promise<FileContents> {
  const entries = await readZipEntries(source, (what) => {
    throw new HidiffError("weights.format", `${name}: ${what}. Expected a complete PyTorch file or .npz archive; copy it again.`);
  });
  const folder = pytorchFolder(entries);
  if (folder !== undefined) return readPytorchZip(source, entries, folder, name);
  return readNpzArrays(source, entries, name);
}

/** What a file of none of the formats seems to be, and what helps. */
function describe(start: Uint8Array): string {
  const text = decodeLatin1(start);
  if (text.startsWith("version https://git-lfs")) return "is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull.";
  if (/^\s*<(!doctype|html)/i.test(text)) return "is a web page, not the file; download it again.";
  if (text.startsWith("\x89HDF")) return "is an HDF5 file; save its arrays with numpy.savez.";
  if (text.startsWith("\x93NUMPY")) return "is a single array; name it and save it with numpy.savez.";
  if (text.slice(257, 262) === "ustar") {
    return "is a tar archive, the format of PyTorch before version 0.1.10; load it in Python and save its state_dict() again.";
  }
  if (text.startsWith("{")) return "is a JSON file.";
  return start.length === 0 ? "is empty." : "begins like no file of weights.";
}
