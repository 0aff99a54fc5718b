import { type HiDiff, type HiDiffOptions, takesPriors } from "hidiff";
import { loadBundle } from "hidiff/node";
import { usageError } from "../errors.ts";
import { findModel, type ModelPlace } from "../model/find-model.ts";

/** A model and where it was found. */
export interface FoundModel extends ModelPlace {
  readonly model: HiDiff;
}

/**
 * Loads the model that a path, a name or a URL means.
 *
 * @throws HidiffError as `findModel` and `loadBundle`
 */
export async function openModel(given: string, options: HiDiffOptions): Promise<FoundModel> {
  const place = await findModel(given);
  return { ...place, model: await loadBundle(place.path, options) };
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
