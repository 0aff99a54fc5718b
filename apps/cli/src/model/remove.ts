import { usageError } from "../errors.ts";
import { Output } from "../terminal/output.ts";
import { cachedModels, removeModel } from "./cache.ts";
import { unknownModel } from "./fetch-model.ts";
import { knownModels } from "./find-model.ts";

/** `hidiff model remove`: takes a model out of the cache. */
export async function removeCommand(name: string, options: { readonly json?: boolean }): Promise<void> {
  const output = new Output(options);
  const cached = await cachedModels();
  const found = cached.find((model) => model.name === name);
  if (found === undefined) {
    if ((await knownModels()).some((model) => model.name === name)) throw usageError(`${name} comes with hidiff and cannot be removed.`);
    throw unknownModel(name, cached.map((model) => model.name));
  }
  await removeModel(name);
  output.emit({ removed: name, url: found.url });
  output.print(`Removed ${name}. To have it again: hidiff model fetch ${found.url}`);
}
