import { HidiffError } from "@hidiff/core-tensor/errors";
import { selectBackend } from "@hidiff/core-tensor/node";
import { verifyBundle } from "hidiff";
import { readWholeBundle } from "hidiff/node";
import { formatBytes } from "../bench/units.ts";
import { Output } from "../terminal/output.ts";
import { findModel } from "./find-model.ts";
import { plainText, sizeOf } from "./read-manifest.ts";

/**
 * `hidiff model verify`: checks all of a bundle.
 *
 * @throws HidiffError `model.damaged` in the end if anything is wrong
 */
export async function verifyModel(given: string, options: { readonly json?: boolean }): Promise<void> {
  const output = new Output(options);
  const { path } = await findModel(given);
  await selectBackend({ prefer: "cpu" }); // nothing is computed
  const { files, others } = await readWholeBundle(path);
  const { problems, manifest } = await verifyBundle(files, others, path);
  output.emit({ path, name: manifest?.name ?? null, good: problems.length === 0, problems });
  for (const problem of problems) output.print(`✗ ${plainText(problem)}`);
  if (problems.length > 0) throw new HidiffError("model.damaged", `${path} is not a good bundle: ${problems.length} problem${problems.length === 1 ? "" : "s"}, see above. Do not use it.`);
  output.print(`✓ ${plainText(manifest!.name)}: manifest, ${Object.keys(manifest!.sizes).length} files (${formatBytes(sizeOf(manifest!))}), checksums and networks are good.`);
}
