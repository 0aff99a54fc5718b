import { usageError } from "../errors.ts";
import { Output } from "../terminal/output.ts";
import { fetchModel, isUrl, unknownModel } from "./fetch-model.ts";
import { knownModels } from "./find-model.ts";
import { plainText, readManifest } from "./read-manifest.ts";

/** `hidiff model fetch`: downloads a model into the cache; one that is known by name, again from where it came from. */
export async function fetchCommand(given: string, options: { readonly sha256?: string; readonly offline?: boolean; readonly json?: boolean }): Promise<void> {
  const output = new Output(options);
  const { sha256, offline } = options;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) throw usageError("--sha256 takes 64 hexadecimal digits, as sha256sum prints them.");
  const { name, path, url } = await fetchModel(isUrl(given) ? given : await originOf(given), { sha256, offline });
  const manifest = await readManifest(path);
  output.emit({ name, path, url, manifest });
  // A model that comes with hidiff has the name already.
  const isNamed = (await knownModels()).some((known) => known.path === path);
  const model = isNamed ? name : url;
  output.print(`Fetched ${name} (${plainText(manifest.name)}). Use it with --model ${model}; hidiff model info ${model} says what it is for.`);
}

async function originOf(name: string): Promise<string> {
  const known = await knownModels();
  const found = known.find((model) => model.name === name);
  if (found === undefined) throw unknownModel(name, known.map((model) => model.name));
  if (found.url === undefined) throw usageError(`${name} comes with hidiff: there is nothing to fetch.`);
  return found.url;
}
