import { assignHost, elementCount, Generator, HidiffError, type Module } from "@hidiff/core-tensor";
import type { WeightsFile } from "@hidiff/core-tensor/files";
import type { PretrainedNetwork, PublishedNetwork } from "@hidiff/segmentors";
import { findPrefix } from "./find-prefix.ts";
import { readWeightsHeader, type WeightsHeader } from "./header.ts";
import { loadWeights, type NetworkArray, networkArrays, requireAll } from "./load-weights.ts";
import { createNetwork, publishedForm, requireWeightsKind, resolvedOptions } from "./networks.ts";
import { ZeroGenerator } from "./zero-generator.ts";

export interface ImportWeightsOptions {
  /** Whose weights they are: a segmentor's name or "hidiff-refiner". Default: what the file says, if HiDiff wrote it. */
  readonly as?: string | undefined;
  /** What stands before the network's names in the file. Default: found by a name that every checkpoint of the network has. */
  readonly prefix?: string | undefined;
  /** Options of the network that its shapes do not tell, or in their place. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Draws what a pre-trained encoder's file does not hold. Default: seed 0. */
  readonly generator?: Generator;
}

/** What was found in a file. */
export interface ImportReport {
  readonly prefix: string;
  /** Arrays of the network that the file gave. */
  readonly matched: number;
  /** Numbers in them. */
  readonly values: number;
  /** How many of them had which type of element; all are 32-bit floats now. */
  readonly types: Readonly<Record<string, number>>;
  /** Names in the file that the network has no use for. */
  readonly ignored: readonly string[];
  /**
   * Those among them that stand where the network's do, and are not known to be of no effect: the file may be of a network that
   * has more parts and computes something else.
   */
  readonly unexpected: readonly string[];
  /** The network's own names of arrays that the file does not hold and that are random: a pre-trained encoder's decoder. */
  readonly random: readonly string[];
}

export interface ImportedNetwork {
  /** The network with the weights; the caller disposes it. */
  readonly module: Module;
  readonly header: WeightsHeader;
  readonly report: ImportReport;
}

/**
 * Makes a network of a checkpoint: of the published PyTorch networks, or of what HiDiff wrote. The network's options follow from
 * the shapes in it.
 *
 * @throws HidiffError `weights.unknown`, `weights.names`, `weights.prefix`, `weights.options` where an option must be given, and
 * where the network would have far more numbers than the file (what was made of it by then stays in memory);
 * `weights.missing`, `weights.shape`; those of the network's options, and of reading
 */
export async function importWeights(file: WeightsFile, { as, prefix, options = {}, generator = new Generator(0) }: ImportWeightsOptions = {}): Promise<ImportedNetwork> {
  const written = readWeightsHeader(file.metadata, file.name);
  const kind = as ?? written?.network;
  if (kind === undefined) throw new HidiffError("weights.unknown", `${file.name} does not say of which network its weights are; say it.`);
  requireWeightsKind(kind);
  if (written?.layout === "hidiff") {
    if (written.network !== kind) {
      throw new HidiffError("weights.names", `${file.name} holds the weights of ${written.network}, not of ${kind}.`);
    }
    return load(file, { network: kind, options: { ...written.options, ...options }, layout: "hidiff" }, "");
  }
  const form = publishedForm(kind);
  if (file.format === "npz" && form.pretrained !== undefined) return loadPretrained(file, kind, form.pretrained, options, generator);
  const found = form.anchor === undefined ? (prefix ?? "") : findPrefix(file, form.anchor, kind, prefix);
  const own = written?.network === kind ? written.options : optionsOf(file, found, form.optionsFrom);
  return load(file, { network: kind, options: completed(own, options, file, kind), layout: "pytorch" }, found);
}

/** The options that the shapes under a prefix tell; nothing for networks that nobody published. */
function optionsOf(file: WeightsFile, prefix: string, optionsFrom: PublishedNetwork["optionsFrom"] | undefined): Record<string, unknown> {
  // An array without elements may have any shape.
  const entries = [...file.entries].filter(([name, { shape }]) => name.startsWith(prefix) && !shape.includes(0));
  return optionsFrom?.(new Map(entries.map(([name, { shape }]) => [name.slice(prefix.length), shape]))) ?? {};
}

/** The options that were found, with the given ones in their place, which must tell what was not found. */
function completed(found: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>, file: WeightsFile, kind: string): Record<string, unknown> {
  const unknown = Object.keys(found).filter((name) => found[name] === undefined && given[name] === undefined);
  if (unknown.length > 0) {
    throw new HidiffError("weights.options", `${file.name}: the shapes of ${kind} do not tell ${unknown.join(" and ")}; set ${unknown.map((name) => `${name}=…`).join(" and ")} as it was trained.`);
  }
  return { ...found, ...given };
}

/** By how many numbers a network may be larger than its file, so that the first array of another shape can be named. */
const excess = 2 ** 24;

/** A network of which every array is in the file. */
async function load(file: WeightsFile, { network, options, layout }: WeightsHeader, prefix: string): Promise<ImportedNetwork> {
  const available = [...file.entries.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const module = createWithin(available + excess, network, options, () => {
    throw new HidiffError(
      "weights.options",
      `${file.name} holds ${available} numbers, but ${network} of these options has far more: ${JSON.stringify(options)}. Give the options that it was trained with.`,
    );
  });
  try {
    const arrays = networkArrays(module, publishedForm(network).stateName);
    const nameOf = ({ name, published }: NetworkArray): string => prefix + (layout === "hidiff" ? name : published);
    await loadWeights(arrays, file, { nameOf, layout });
    return imported(module, { network, options, layout: "hidiff" }, file, { prefix, used: arrays.map(nameOf), random: [] });
  } catch (error) {
    module.dispose();
    throw error;
  }
}

/** A network of zeros. @param fail throws the error of one that has more numbers than the limit */
function createWithin(limit: number, network: string, options: Readonly<Record<string, unknown>>, fail: () => never): Module {
  try {
    return createNetwork(network, options, new ZeroGenerator(limit, fail));
  } catch (error) {
    if (error instanceof RangeError) return fail(); // of the allocation of an array that is not drawn
    throw error;
  }
}

/** A checkpoint of a part of the network: the rest stays random. */
async function loadPretrained(
  file: WeightsFile,
  network: string,
  { stateName, array, optionsFrom }: PretrainedNetwork,
  given: Readonly<Record<string, unknown>>,
  generator: Generator,
): Promise<ImportedNetwork> {
  const options = completed(optionsOf(file, "", optionsFrom), given, file, network);
  const module = createNetwork(network, options, generator);
  try {
    const parts = module.parameters().map(({ name, variable }) => ({ name, variable, found: stateName(name) }));
    const used = parts.flatMap(({ found }) => (found === undefined ? [] : [found]));
    requireAll(used, file, parts.length);
    for (const { name, variable, found } of parts) {
      if (found !== undefined) assignHost(variable, array(name, variable.shape, await file.read(found)));
    }
    const random = parts.flatMap(({ name, found }) => (found === undefined ? [name] : []));
    return imported(module, { network, options, layout: "hidiff" }, file, { prefix: "", used, random });
  } catch (error) {
    module.dispose();
    throw error;
  }
}

function imported(
  module: Module,
  header: WeightsHeader,
  file: WeightsFile,
  { prefix, used, random }: { prefix: string; used: readonly string[]; random: readonly string[] },
): ImportedNetwork {
  const types: Record<string, number> = {};
  let values = 0;
  for (const name of used) {
    const { dtype, shape } = file.entries.get(name)!;
    types[dtype] = (types[dtype] ?? 0) + 1;
    values += elementCount(shape);
  }
  const inUse = new Set(used);
  const ignored = [...file.entries.keys()].filter((name) => !inUse.has(name));
  const { unneeded = noEffect } = publishedForm(header.network);
  const unexpected = ignored.filter((name) => name.startsWith(prefix) && !noEffect.test(name) && !unneeded.test(name.slice(prefix.length)));
  const report = { prefix, matched: used.length, values, types, ignored, unexpected, random };
  return { module, header: { ...header, options: resolvedOptions(module) ?? header.options }, report };
}

/** How often PyTorch's batch norms were trained. */
const noEffect = /\bnum_batches_tracked$/;
