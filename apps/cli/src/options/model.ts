import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HidiffError } from "@hidiff/core-tensor/errors";
import { bundleFiles, HiDiff, type HiDiffOptions, takesPriors } from "hidiff";
import { loadBundle, runFiles } from "hidiff/node";
import { usageError } from "../errors.ts";

/** A model and where it was found. */
export interface FoundModel {
  readonly model: HiDiff;
  readonly path: string;
  /** The folder of the training that made it, if the bundle lies in one. */
  readonly run: string | undefined;
}

/**
 * Loads a bundle: its folder, a `.zip`, a URL, or the folder of a finished training.
 *
 * @throws HidiffError `model.missing` where there is none, and as `loadBundle`
 */
export async function openModel(path: string, options: HiDiffOptions): Promise<FoundModel> {
  if (/^https?:\/\//.test(path)) return { model: await HiDiff.load(path, options), path, run: undefined };
  const inRun = join(path, runFiles.bundle);
  if (await exists(join(inRun, bundleFiles.manifest))) return { model: await loadBundle(inRun, options), path: inRun, run: path };
  if (!(await exists(path))) throw new HidiffError("model.missing", `There is no model ${path}; give a bundle's folder or .zip, or a training's folder.`);
  if (await exists(join(path, runFiles.checkpoint))) {
    throw new HidiffError("model.missing", `The training in ${path} is not finished, so it has no model yet; continue it with: hidiff train --resume --out ${path}`);
  }
  const parent = dirname(path);
  const run = (await exists(join(parent, runFiles.configuration))) ? parent : undefined;
  return { model: await loadBundle(path, options), path, run };
}

/** @throws HidiffError `usage.option` for `--priors` with a model that does not take any */
export function checkPriorsOption({ model, manifest }: HiDiff, priors: string | undefined): void {
  if (priors === undefined || takesPriors(model)) return;
  throw usageError(`--priors is for models that refine another program's masks; ${manifest.name} computes its own.`);
}

/** What computes the refinement, for manifests. */
export async function describeEngine(model: HiDiff): Promise<object> {
  const packed = await model.packedRefiner();
  return { name: model.engine, ...packed?.resources };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
