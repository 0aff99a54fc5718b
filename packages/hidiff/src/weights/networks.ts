import { didYouMean, type Generator, HidiffError, type Module } from "@hidiff/core-tensor";
import { createSegmentor, type PublishedNetwork, publishedSegmentor, segmentorNames, type SegmentorOptions } from "@hidiff/segmentors";
import { publishedRefinerName } from "../refiner/published-names.ts";
import { publishedRefinerOptions } from "../refiner/published-options.ts";
import { Refiner, type RefinerOptions } from "../refiner/refiner.ts";

/** What the refiner is called among the networks whose weights can be imported. */
export const refinerKind = "hidiff-refiner";

/** The names of the networks whose published weights can be imported: the refiner, and most segmentors. */
export function weightsKinds(): string[] {
  return [...segmentorNames().filter((name) => publishedSegmentor(name) !== undefined), refinerKind];
}

/** Throws HidiffError `weights.unknown` for a name that is neither a segmentor's nor the refiner's. */
export function requireWeightsKind(kind: string): void {
  if (kind === refinerKind || segmentorNames().includes(kind)) return;
  const known = weightsKinds();
  throw new HidiffError("weights.unknown", `There is no network "${kind}".${didYouMean(kind, known)} Known: ${known.join(", ")}.`);
}

/** The network of a kind, with random parameters. */
export function createNetwork(kind: string, options: Readonly<Record<string, unknown>>, generator: Generator): Module {
  return kind === refinerKind ? new Refiner(options as unknown as RefinerOptions, generator) : createSegmentor(kind, options as SegmentorOptions, generator);
}

/** Networks that nobody published keep our state names, but for PyTorch's of running statistics. */
const unpublished: Pick<PublishedNetwork, "stateName"> = {
  stateName: (name) => name.replace(/runningMean$/, "running_mean").replace(/runningVariance$/, "running_var"),
};

/** How the state of a kind of network is called in PyTorch; those that nobody published tell no options by their shapes. */
export function publishedForm(kind: string): Pick<PublishedNetwork, "stateName"> & Partial<PublishedNetwork> {
  if (kind === refinerKind) return { stateName: publishedRefinerName, anchor: "time_embed.0.weight", optionsFrom: publishedRefinerOptions, unneeded: /\.fnn\d\.layernorm_before\./ };
  return publishedSegmentor(kind) ?? unpublished;
}

/** A network's options with defaults filled in, if it tells them. */
export function resolvedOptions(module: Module): Readonly<Record<string, unknown>> | undefined {
  const { options } = module as { readonly options?: unknown };
  return typeof options === "object" && options !== null ? (options as Readonly<Record<string, unknown>>) : undefined;
}
