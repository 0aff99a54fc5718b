import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "@hidiff/core-tensor/node";
import { bundleFiles, type BundleManifest, decodeManifest } from "hidiff";
import { readBundle } from "hidiff/node";

/** What a bundle says of itself; of a folder, nothing else is read. @throws HidiffError as `readBundle` */
export async function readManifest(path: string): Promise<BundleManifest> {
  const isFolder = await stat(path).then((status) => status.isDirectory(), () => false);
  if (!isFolder) return decodeManifest((await readBundle(path))[bundleFiles.manifest] ?? new Uint8Array(), path);
  const file = join(path, bundleFiles.manifest);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError("read", file, error);
  });
  return decodeManifest(bytes, path);
}

/** The bytes of all files that a manifest names. */
export function sizeOf({ sizes }: BundleManifest): number {
  return Object.values(sizes).reduce((sum, size) => sum + size, 0);
}

/** A model's words for the terminal: they may come from anywhere, and control characters would change what it shows. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
}
