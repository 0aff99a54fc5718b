import type { HostTensor } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Architecture } from "../config/schema.ts";
import type { HybridModel } from "../model/hybrid-model.ts";
import type { CompiledRefiner } from "./compiled-refiner.ts";
import { toCompiledRefiner } from "./compile-refiner.ts";

/** What computes the refinement: the packed engine, or the training graph. */
export type RefinerEngine = "packed" | "graph";

/** The kernels count the differing signs of a 3×3 convolution, of up to 8 · baseWidth channels, in 16 bits. */
const largestBaseWidth = Math.floor(65535 / (9 * 8));

/** Why a model's refiner cannot be compiled for the packed engine; undefined if it can. */
export function reasonAgainstPacking({ refiner, diffusion }: Architecture): string | undefined {
  if (refiner.precision !== "binary") return "its refiner is real-valued";
  if (refiner.kind !== "diffusion") return "its refiner is discriminative";
  if (diffusion.kernel !== "bernoulli") return "its latent masks are not binary";
  if (refiner.baseWidth > largestBaseWidth) return `its base width is above ${largestBaseWidth}`;
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
export function compileModel(model: HybridModel, state?: ReadonlyMap<string, HostTensor>): CompiledRefiner {
  return toCompiledRefiner(model.refiner, stepsOf(model), state);
}

/** Whether a compiled refiner has a model's architecture and all its steps. */
export function isCompilationOf({ architecture, steps }: CompiledRefiner, model: HybridModel): boolean {
  const own = model.refinerOptions;
  const same = (Object.keys(architecture) as (keyof typeof architecture)[]).every((key) => String(architecture[key]) === String(own[key]));
  return same && stepsOf(model).every((t) => steps.includes(t));
}

function stepsOf({ architecture }: HybridModel): number[] {
  return [...Array(architecture.diffusion.steps).keys()];
}
