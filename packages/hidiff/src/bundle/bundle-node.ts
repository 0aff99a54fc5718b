import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isHidiffError } from "@hidiff/core-tensor/errors";
import { fileError, recoverFolder, replaceFolder, temporaryPath, writeFileAtomic } from "@hidiff/core-tensor/node";
import { HiDiff, type HiDiffOptions } from "../hidiff.ts";
import type { BundleContents } from "./bundle.ts";
import { bundleFiles, filesOf, isBundleFile } from "./manifest.ts";
import { unzipBundle, zipBundle } from "./zip.ts";

/**
 * Loads a bundle from a folder or a `.zip`.
 *
 * @throws HidiffError `file.read` if it does not exist, `bundle.*` if it is damaged; `engine.packed`
 */
export async function loadBundle(path: string, options: HiDiffOptions = {}): Promise<HiDiff> {
  return HiDiff.load(await readBundle(path), { ...options, name: path });
}

/**
 * The files of a bundle, those that its manifest names, from a folder or a `.zip`. Their content is not checked.
 *
 * @throws HidiffError `file.read`, `bundle.zip`, `bundle.manifest`, `config.invalid`
 */
export async function readBundle(path: string): Promise<BundleContents> {
  if (!(await isFolder(path))) return unzipBundle(await read(path), path);
  const manifest = await read(join(path, bundleFiles.manifest));
  return { [bundleFiles.manifest]: manifest, ...(await readAll(path, filesOf(manifest, path))) };
}

/**
 * Everything in a bundle's folder or `.zip`, for `verifyBundle`.
 *
 * @throws HidiffError `file.read`, `bundle.zip`
 */
export async function readWholeBundle(path: string): Promise<{ readonly files: BundleContents; readonly others: readonly string[] }> {
  if (!(await isFolder(path))) {
    const others: string[] = [];
    return { files: unzipBundle(await read(path), path, (other) => others.push(other)), others };
  }
  const entries = await readdir(path, { withFileTypes: true });
  const isKnown = (entry: (typeof entries)[number]): boolean => entry.isFile() && isBundleFile(entry.name);
  const files = await readAll(path, entries.filter(isKnown).map(({ name }) => name));
  return { files, others: entries.filter((entry) => !isKnown(entry)).map(({ name }) => name) };
}

/**
 * Writes a bundle's files into a folder, which appears complete or not at all; one that was there is replaced. Killed at any
 * moment, it leaves the new bundle or the old one, which the functions that read bundles find.
 *
 * @throws HidiffError `file.write`; what was there before is untouched
 */
export async function writeBundle(path: string, files: BundleContents): Promise<void> {
  const temporary = temporaryPath(resolve(path)); // beside it, also where its name ends in a slash
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(temporary, name), content);
    await replaceFolder(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw isHidiffError(error) ? error : fileError("write", path, error);
  }
}

/** Writes a bundle's files as a `.zip`, completely or not at all. */
export async function writeBundleZip(path: string, files: BundleContents): Promise<void> {
  await writeFileAtomic(path, zipBundle(files));
}

async function readAll(folder: string, names: readonly string[]): Promise<Record<string, Uint8Array>> {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await read(join(folder, name))] as const)));
}

function read(file: string): Promise<Uint8Array> {
  return readFile(file).catch((error: unknown) => {
    throw fileError("read", file, error);
  });
}

async function isFolder(path: string): Promise<boolean> {
  await recoverFolder(path);
  return stat(path).then(
    (status) => status.isDirectory(),
    (error: unknown) => {
      throw fileError("read", path, error);
    },
  );
}
