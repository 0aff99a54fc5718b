import { Output } from "../terminal/output.ts";
import { modelCard } from "./card.ts";
import { findModel } from "./find-model.ts";
import { readManifest } from "./read-manifest.ts";

/** `hidiff model info`: a model's card. */
export async function showModel(given: string, options: { readonly json?: boolean }): Promise<void> {
  const output = new Output(options);
  const { path } = await findModel(given);
  const manifest = await readManifest(path);
  output.emit({ path, manifest });
  output.print(modelCard(manifest, output.colours.bold));
  output.print(`\n${output.colours.dim(path)}`);
}
