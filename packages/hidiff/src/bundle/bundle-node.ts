import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError, temporaryPath, writeFileAtomic } from "@hidiff/core-tensor/node";
import { HiDiff, type HiDiffOptions, unzip } from "../hidiff.ts";
import { bundleFiles, filesOf } from "./bundle.ts";

/**
 * Loads a bundle from a folder or a `.zip`.
 *
 * @throws HidiffError `file.read` if it does not exist, `bundle.*` if it is damaged; `engine.packed`
 */
export async function loadBundle(path: string, options: HiDiffOptions = {}): Promise<HiDiff> {
  const read = (file: string): Promise<Uint8Array> =>
    readFile(file).catch((error: unknown) => {
      throw fileError("read", file, error);
    });
  const isFolder = await stat(path).then(
    (status) => status.isDirectory(),
    (error: unknown) => {
      throw fileError("read", path, error);
    },
  );
  if (!isFolder) return HiDiff.load(unzip(await read(path), path), options);
  const manifest = await read(join(path, bundleFiles.manifest));
  const entries = await Promise.all(filesOf(manifest, path).map(async (name) => [name, await read(join(path, name))] as const));
  return HiDiff.load({ [bundleFiles.manifest]: manifest, ...Object.fromEntries(entries) }, options);
}

/** Writes a bundle's files into a folder, which appears complete or not at all; one that was there is replaced. */
export async function writeBundle(path: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(temporary, name), content);
    await rm(path, { recursive: true, force: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw error instanceof Error && "code" in error && String(error.code).startsWith("file.") ? error : fileError("write", path, error);
  }
}
