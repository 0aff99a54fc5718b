import { decodeLatin1 } from "../arrays/latin1.ts";
import { didYouMean, HidiffError, isHidiffError } from "../errors.ts";
import { unknownArray } from "./array-file.ts";
import type { WeightsEntry, WeightsFile } from "./weights-file.ts";

/** Whether a file's first bytes are those of an index, which is JSON. */
export function isShardIndex(start: Uint8Array): boolean {
  return /^\s*\{\s*"/.test(decodeLatin1(start));
}

/**
 * A model in several files, from its index `{ "weight_map": { array: file } }`, as Hugging Face's `model.safetensors.index.json`
 * and `pytorch_model.bin.index.json`. The files stay open together.
 *
 * @param name how errors call the index
 * @param open opens a file by its path relative to the index's folder, in which it lies
 * @throws HidiffError `weights.index` for a damaged index, for paths out of its folder, and for files that are missing or lack
 * an array; the files' own errors
 */
export async function openShards(index: Uint8Array, name: string, open: (path: string) => Promise<WeightsFile>): Promise<WeightsFile> {
  const places = parseIndex(index, name);
  const shards = new Map<string, WeightsFile>();
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
  };
  try {
    for (const path of new Set(places.values())) shards.set(path, await open(path).catch((error: unknown) => missing(error, path, name)));
    const entries = new Map<string, WeightsEntry>();
    for (const [key, path] of places) {
      const known = shards.get(path)!.entries;
      entries.set(key, known.get(key) ?? lacking(key, path, [...known.keys()], name));
    }
    const [first] = shards.values();
    return {
      format: first!.format,
      name,
      entries,
      metadata: first!.metadata,
      async read(key) {
        const path = places.get(key);
        if (path === undefined) throw unknownArray(key, name, [...places.keys()]);
        return shards.get(path)!.read(key);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The file of each array. */
function parseIndex(index: Uint8Array, name: string): Map<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(index));
  } catch (error) {
    return fail(name, `it is damaged (${error instanceof Error ? error.message : String(error)})`);
  }
  const { weight_map: places } = parsed as { readonly weight_map?: unknown };
  if (typeof places !== "object" || places === null || Array.isArray(places)) return fail(name, `it has no "weight_map" from arrays to files`);
  const found = new Map(Object.entries(places as Readonly<Record<string, unknown>>));
  if (found.size === 0) return fail(name, "it lists no arrays");
  for (const path of found.values()) {
    if (!isInside(path)) return fail(name, `it names the file ${JSON.stringify(path)}, which is not in its folder`);
  }
  return found as Map<string, string>;
}

/** Whether a path names something in the folder that it is relative to, on every system. */
function isInside(path: unknown): boolean {
  return typeof path === "string" && !/[\\:\0]/.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** A file that cannot be read is missing; one that is damaged has an error of its own. */
function missing(error: unknown, path: string, name: string): never {
  if (isHidiffError(error) && error.code !== "file.read") throw error;
  return fail(name, `its file ${path} cannot be read; all files of the index must lie beside it`, error);
}

function lacking(key: string, path: string, known: readonly string[], name: string): never {
  return fail(name, `${path} does not have the array "${key}" that the index says it has.${didYouMean(key, known)}`);
}

function fail(name: string, what: string, cause?: unknown): never {
  throw new HidiffError("weights.index", `${name}: ${what}. Expected an index of weights with all of its files; download them again.`, { cause });
}
