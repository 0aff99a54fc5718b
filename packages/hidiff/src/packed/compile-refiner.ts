import type { HostTensor } from "@hidiff/core-tensor";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Refiner } from "../refiner/refiner.ts";
import type { CompiledRefiner } from "./compiled-refiner.ts";
import { foldRefiner } from "./fold-refiner.ts";
import { PackedRefiner, type PackedRefinerOptions } from "./packed-refiner.ts";

/**
 * Compiles a binary refiner, as it is in evaluation mode, for the packed engine.
 *
 * @param options.steps the step indices t that it is to compute
 * @throws HidiffError `packed.precision` for a real-valued refiner; `packed.steps`; and those of `PackedRefiner.create`
 */
export async function compileRefiner(refiner: Refiner, { steps, ...options }: PackedRefinerOptions & { readonly steps: readonly number[] }): Promise<PackedRefiner> {
  return PackedRefiner.create(toCompiledRefiner(refiner, steps), options);
}

/** The compiled form of a binary refiner, with its own state or another one, as plain data. */
export function toCompiledRefiner(
  refiner: Refiner,
  steps: readonly number[],
  state: ReadonlyMap<string, HostTensor> = refiner.stateDict(),
): CompiledRefiner {
  const { precision, ...architecture } = refiner.options;
  if (precision !== "binary") {
    throw new HidiffError("packed.precision", "compileRefiner: only refiners with binary precision can be compiled; this one is real-valued, use the graph engine.");
  }
  return foldRefiner(state, architecture, steps);
}
