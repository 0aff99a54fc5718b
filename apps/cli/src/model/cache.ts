import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isHidiffError } from "@hidiff/core-tensor/errors";
import { fileError, recoverFolder, removeAbandoned, replacedEnding, replaceFolder, temporaryPath, writeFileAtomic } from "@hidiff/core-tensor/node";
import type { BundleContents } from "hidiff";
import { writeBundle } from "hidiff/node";

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder for what may be fetched again: HIDIFF_CACHE, else where the platform keeps such things. */
export function cacheFolder(environment: Environment = process.env, platform: NodeJS.Platform = process.platform, home: string = homedir()): string {
  const { HIDIFF_CACHE: own, XDG_CACHE_HOME: shared, LOCALAPPDATA: local } = environment;
  if (own) return own;
  if (platform === "win32") return join(local || join(home, "AppData", "Local"), "hidiff");
  return platform === "darwin" ? join(home, "Library", "Caches", "hidiff") : join(shared || join(home, ".cache"), "hidiff");
}

/** Where a cached model came from. */
interface Origin {
  readonly url: string;
}

/** A model in the cache. */
export interface CachedModel extends Origin {
  readonly name: string;
  /** The folder of its bundle. */
  readonly path: string;
}

const modelFiles = { origin: "origin.json", bundle: "bundle" } as const;

/** The models in the cache, by name. */
export async function cachedModels(cache: string = cacheFolder()): Promise<CachedModel[]> {
  const folder = modelsFolder(cache);
  const replaced = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(replacedEnding));
  await Promise.all(replaced.map((name) => recoverFolder(join(folder, name.slice(0, -replacedEnding.length)))));
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.filter((name) => !name.endsWith(".tmp")).toSorted().map(async (name) => {
      const origin = await readOrigin(join(folder, name, modelFiles.origin));
      return origin === undefined ? [] : [{ name, path: join(folder, name, modelFiles.bundle), url: origin.url }];
    }),
  );
  return found.flat();
}

/** Puts a bundle into the cache; it appears complete or not at all, and takes the place of one of its name. */
export async function storeModel(name: string, files: BundleContents, origin: Origin, cache: string = cacheFolder()): Promise<CachedModel> {
  const folder = join(modelsFolder(cache), name);
  const temporary = temporaryPath(folder);
  try {
    await mkdir(temporary, { recursive: true });
    await removeAbandoned(modelsFolder(cache));
    await writeBundle(join(temporary, modelFiles.bundle), files);
    await writeFileAtomic(join(temporary, modelFiles.origin), `${JSON.stringify(origin)}\n`);
    await replaceFolder(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw isHidiffError(error) ? error : fileError("write", folder, error);
  }
  return { name, path: join(folder, modelFiles.bundle), url: origin.url };
}

/** Takes a model out of the cache. */
export async function removeModel(name: string, cache: string = cacheFolder()): Promise<void> {
  const folder = join(modelsFolder(cache), name);
  const temporary = temporaryPath(folder);
  try {
    await rename(folder, temporary); // at once, so that nobody finds half of it
    await rm(temporary, { recursive: true, force: true });
  } catch (error) {
    throw fileError("write", folder, error);
  }
}

function modelsFolder(cache: string): string {
  return join(cache, "models");
}

async function readOrigin(path: string): Promise<Origin | undefined> {
  try {
    const { url } = JSON.parse(await readFile(path, "utf8")) as Partial<Origin>;
    return typeof url === "string" ? { url } : undefined;
  } catch {
    return undefined;
  }
}
