import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { exists, recoverFolder } from "@hidiff/core-tensor/node";
import { shippedModels } from "@hidiff/models";
import { bundleFiles } from "hidiff";
import { runFiles } from "hidiff/node";
import { cacheFolder, cachedModels } from "./cache.ts";
import { fetchModel, type FetchOptions, isUrl, unknownModel } from "./fetch-model.ts";

/** Where models with names lie. */
interface ModelSources extends Pick<FetchOptions, "offline" | "timeoutSeconds"> {
  /** The folder of the shipped ones; default: that of `@hidiff/models`. */
  readonly shipped?: string | undefined;
  readonly cache?: string | undefined;
}

/** A model that is known by its name. */
export interface KnownModel {
  readonly name: string;
  /** The folder of its bundle. */
  readonly path: string;
  readonly source: "shipped" | "cached";
  /** Where a cached one came from. */
  readonly url?: string;
}

/** The models that have names: the shipped ones, then the cached ones whose names no shipped one has. */
export async function knownModels({ shipped, cache = cacheFolder() }: ModelSources = {}): Promise<KnownModel[]> {
  const own = shippedModels(shipped).map((model) => ({ ...model, source: "shipped" as const }));
  const cached = (await cachedModels(cache)).map((model) => ({ ...model, source: "cached" as const }));
  return [...own, ...cached.filter(({ name }) => !own.some((model) => model.name === name))];
}

/** Where a model's bundle is. */
export interface ModelPlace {
  /** The bundle's folder, or its `.zip`. */
  readonly path: string;
  /** The folder of the training that made it, if the bundle lies in one. */
  readonly run: string | undefined;
}

/**
 * Finds the bundle that is meant by a path (of a bundle's folder, a `.zip`, or the folder of a finished training), by the name
 * of a shipped or cached model, or by a URL, which is fetched into the cache once.
 *
 * @throws HidiffError `model.missing` for a path without a model, `model.unknown` for a name that no model has, and as `fetchModel`
 */
export async function findModel(given: string, sources: ModelSources = {}): Promise<ModelPlace> {
  if (isUrl(given)) {
    const cached = (await cachedModels(sources.cache ?? cacheFolder())).find(({ url }) => url === given);
    return { path: (cached ?? (await fetchModel(given, sources))).path, run: undefined };
  }
  const inRun = join(given, runFiles.bundle);
  await Promise.all([recoverFolder(inRun), recoverFolder(given)]);
  if (await exists(join(inRun, bundleFiles.manifest))) return { path: inRun, run: given };
  if (await isBundle(given)) {
    const parent = dirname(given);
    return { path: given, run: (await exists(join(parent, runFiles.configuration))) ? parent : undefined };
  }
  const known = await knownModels(sources);
  const named = known.find(({ name }) => name === given);
  if (named !== undefined) return { path: named.path, run: undefined };
  if (await exists(join(given, runFiles.checkpoint))) {
    throw new HidiffError("model.missing", `The training in ${given} is not finished, so it has no model yet; continue it with: hidiff train --resume ${given}`);
  }
  if (await exists(given)) throw new HidiffError("model.missing", `The folder ${given} is no model: it has no ${bundleFiles.manifest}. Give a bundle's folder or .zip, or a training's folder.`);
  if (/[\\/]|\.zip$/i.test(given)) throw new HidiffError("model.missing", `There is no model ${given}; give a bundle's folder or .zip, or a training's folder.`);
  throw unknownModel(given, known.map(({ name }) => name));
}

/** Whether there is a file, which should be a `.zip`, or a folder with a manifest. */
async function isBundle(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status !== undefined && (status.isFile() || (await exists(join(path, bundleFiles.manifest))));
}
