import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { shippedModels } from "@hidiff/models";
import { cachedModels, cacheFolder } from "../model/cache.ts";

/** The models that commands know by name, and what was fetched. */
export interface ModelsReport {
  readonly shipped: readonly string[];
  readonly cached: readonly string[];
  readonly cache: { readonly folder: string; readonly bytes: number };
}

export async function reportModels(): Promise<ModelsReport> {
  const folder = cacheFolder();
  return {
    shipped: shippedModels().map(({ name }) => name),
    cached: (await cachedModels(folder)).map(({ name }) => name),
    cache: { folder, bytes: await sizeOf(folder) },
  };
}

/** Bytes of all files in a folder; 0 where there is none. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries.map((entry) => (entry.isFile() ? stat(join(entry.parentPath, entry.name)).then(({ size }) => size, () => 0) : 0));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
