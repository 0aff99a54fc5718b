import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";

/** A trained model of this package. */
export interface ShippedModel {
  readonly name: string;
  /** The folder of its bundle. */
  readonly path: string;
}

const ownModels = fileURLToPath(new URL("../models/", import.meta.url));

/** The models that come with this package, by name. @param folder where they lie; default: the package's own */
export function shippedModels(folder: string = ownModels): ShippedModel[] {
  return foldersIn(folder)
    .toSorted()
    .map((name) => ({ name, path: join(folder, name) }));
}

/**
 * The folder of a model's bundle: what `loadBundle` of `hidiff/node` takes.
 *
 * @throws HidiffError `model.unknown`
 */
export function modelPath(name: string, folder: string = ownModels): string {
  const models = shippedModels(folder);
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found.path;
  const names = models.map((model) => model.name);
  throw new HidiffError("model.unknown", `There is no model "${name}".${didYouMean(name, names)} Known: ${names.join(", ") || "none"}.`);
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
