import { HidiffError, type Module } from "@hidiff/core-tensor";
import { openWeights } from "@hidiff/core-tensor/node";
import type { HybridModel } from "../model/hybrid-model.ts";
import { readWeightsHeader } from "./header.ts";
import { loadWeights, networkArrays } from "./load-weights.ts";
import { publishedForm, refinerKind, resolvedOptions } from "./networks.ts";

/** Files of weights by network. */
export interface InitialWeights {
  readonly segmentor?: string | undefined;
  readonly refiner?: string | undefined;
}

/**
 * Puts weights from files that HiDiff wrote in place of a model's random ones.
 *
 * @throws HidiffError `weights.header` for other files, `weights.options` for weights of another network; those of
 * {@link loadWeights} and of reading
 */
export async function loadInitialWeights(model: HybridModel, { segmentor, refiner }: InitialWeights): Promise<void> {
  if (segmentor !== undefined) await loadFile(model.segmentor, model.architecture.segmentor.name, segmentor);
  if (refiner !== undefined) await loadFile(model.refiner, refinerKind, refiner);
}

async function loadFile(module: Module, network: string, path: string): Promise<void> {
  const file = await openWeights(path);
  try {
    const header = readWeightsHeader(file.metadata, path);
    // The networks in a bundle have a file each, and their options beside it in the bundle's manifest.
    const inBundle = file.metadata["network"] === (network === refinerKind ? "refiner" : "segmentor");
    if (header === undefined && !inBundle) {
      throw new HidiffError("weights.header", `${path} does not say of which network its weights are; bring it into HiDiff's form: hidiff import ${path} --as ${network}`);
    }
    if (header !== undefined) requireSame(header.network, header.options, network, resolvedOptions(module), path);
    const layout = header?.layout ?? "hidiff";
    const nameOf = ({ name, published }: { name: string; published: string }): string => (layout === "hidiff" ? name : published);
    await loadWeights(networkArrays(module, publishedForm(network).stateName), file, { nameOf, layout });
  } finally {
    await file.close();
  }
}

/** Options that no shape tells, such as the number of attention heads, would otherwise give another network without a sign. */
function requireSame(
  found: string,
  options: Readonly<Record<string, unknown>>,
  network: string,
  expected: Readonly<Record<string, unknown>> | undefined,
  path: string,
): void {
  const fail = (what: string): never => {
    throw new HidiffError("weights.options", `${path} holds the weights of another network than the configuration's: ${what}. Change the configuration, or import with other options.`);
  };
  if (found !== network) fail(`${found} instead of ${network}`);
  for (const [name, value] of Object.entries(expected ?? {})) {
    if (name in options && JSON.stringify(options[name]) !== JSON.stringify(value)) {
      fail(`${name} is ${JSON.stringify(options[name])} there and ${JSON.stringify(value)} here`);
    }
  }
}
