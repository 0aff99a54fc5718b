import type { HostTensor } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Architecture } from "../config/schema.ts";
import type { HybridModel } from "../model/hybrid-model.ts";
import type { CompiledRefiner } from "./compiled-refiner.ts";
import { toCompiledRefiner } from "./compile-refiner.ts";

/** What computes the refinement: the packed engine, or the training graph. */
export type RefinerEngine = "packed" | "graph";

/** Why a model's refiner cannot be compiled for the packed engine; undefined if it can. */
export function reasonAgainstPacking({ refiner, diffusion }: Architecture): string | undefined {
  if (refiner.precision !== "binary") return "its refiner is real-valued";
  if (refiner.kind !== "diffusion") return "its refiner is discriminative";
  if (diffusion.kernel !== "bernoulli") return "its latent masks are not binary";
  return undefined;
}

/**
 * The engine for a model: "packed" unless the model or the caller speaks against it.
 *
 * @throws HidiffError `engine.packed` if it is asked for and impossible
 */
export function chooseEngine(architecture: Architecture, wanted?: RefinerEngine): RefinerEngine {
  const reason = reasonAgainstPacking(architecture);
  if (wanted === "packed" && reason !== undefined) {
    throw new HidiffError("engine.packed", `The packed engine cannot compute this model: ${reason}. Use the graph engine.`);
  }
  return reason === undefined ? (wanted ?? "packed") : "graph";
}

/**
 * A model's refiner, compiled for all steps of its process.
 *
 * @param state another state for it, such as an average
 */
export function compileModel({ refiner, architecture }: HybridModel, state?: ReadonlyMap<string, HostTensor>): CompiledRefiner {
  return toCompiledRefiner(refiner, [...Array(architecture.diffusion.steps).keys()], state);
}
