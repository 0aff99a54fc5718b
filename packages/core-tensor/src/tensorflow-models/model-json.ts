import type { io } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";

/** A `model.json` of TensorFlow.js: the network, and where its weights are. */
export interface TensorFlowModelJson {
  readonly format: "graph-model" | "layers-model";
  /** Everything else that the file says, for those that read it. */
  readonly content: Readonly<Record<string, unknown>>;
  readonly weights: readonly { readonly paths: readonly string[]; readonly weights: readonly io.WeightsManifestEntry[] }[];
}

/**
 * Reads a `model.json`, of a Graph model or a Layers model.
 *
 * @param name how errors call the file
 * @throws HidiffError `tfjs.format` if it is none
 */
export function readModelJson(bytes: Uint8Array, name: string): TensorFlowModelJson {
  const wrong = (reason: string, cause?: unknown): HidiffError =>
    new HidiffError("tfjs.format", `${name} ${reason}; give the model.json that TensorFlow.js or its converter writes.`, { cause });
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch (error) {
    throw wrong("is not JSON", error);
  }
  const topology = content?.["modelTopology"];
  if (typeof topology !== "object" || topology === null) throw wrong("has no modelTopology");
  const manifest = content["weightsManifest"];
  if (!isManifest(manifest)) throw wrong("has no weightsManifest");
  // Early converters did not write the format; only a graph is a list of nodes.
  const format = content["format"] ?? ("node" in topology ? "graph-model" : "layers-model");
  if (format !== "graph-model" && format !== "layers-model") throw wrong(`has the format ${JSON.stringify(format)}`);
  return { format, content, weights: manifest };
}

function isManifest(value: unknown): value is TensorFlowModelJson["weights"] {
  return Array.isArray(value) && value.every((group) => Array.isArray(group?.paths) && Array.isArray(group.weights));
}

/** All weights as one file: the shards' bytes, in the order of the manifest's paths, and the same `model.json` for them. */
export function joinShards(
  { content, weights }: TensorFlowModelJson,
  shards: readonly Uint8Array[],
  path: string,
): { readonly modelJson: Uint8Array; readonly weights: Uint8Array } {
  const joined = new Uint8Array(shards.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const shard of shards) {
    joined.set(shard, at);
    at += shard.length;
  }
  const weightsManifest = [{ paths: [path], weights: weights.flatMap((group) => group.weights) }];
  return { modelJson: new TextEncoder().encode(JSON.stringify({ ...content, weightsManifest })), weights: joined };
}
