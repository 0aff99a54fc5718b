import { didYouMean, HidiffError } from "@hidiff/core-tensor/errors";
import type { ConfigurationInput } from "./schema.ts";

type Changes = Pick<ConfigurationInput, "architecture" | "training">;

/** What an ablation changes, alone: the rest of it is that of the one it starts from. */
interface Ablation {
  readonly from: string | undefined;
  readonly changes: Changes;
}

/**
 * The paper's ablation study (HiDiff §IV): V1 has nothing but the Bernoulli refiner behind a frozen segmentor, and each of
 * V2 … V5 adds one part to the one before; V5 is the whole method. `gaussian` and `discriminative` change V5: its kernel,
 * or its refiner to the same network in one pass without noise.
 */
const ablations: Readonly<Record<string, Ablation>> = {
  v1: {
    from: undefined,
    changes: {
      architecture: { refiner: { kind: "diffusion", crossTransformer: false, precision: "real" }, diffusion: { kernel: "bernoulli" } },
      training: { alternating: { freezeSegmentor: true }, focalWeight: 0 },
    },
  },
  v2: { from: "v1", changes: { training: { alternating: { freezeSegmentor: false } } } },
  v3: { from: "v2", changes: { training: { focalWeight: 1 } } },
  v4: { from: "v3", changes: { architecture: { refiner: { crossTransformer: true } } } },
  v5: { from: "v4", changes: { architecture: { refiner: { precision: "binary" } } } },
  // The Gaussian kernel knows no other target.
  gaussian: { from: "v5", changes: { architecture: { diffusion: { kernel: "gaussian", target: "epsilon" } } } },
  discriminative: { from: "v5", changes: { architecture: { refiner: { kind: "discriminative" } } } },
};

/** The names that {@link withAblation} knows. */
export const ablationNames: readonly string[] = Object.keys(ablations);

/**
 * A copy of a configuration with the parts of the method that an ablation has, and without those that it lacks.
 *
 * @throws HidiffError `config.ablation` for an unknown name
 */
export function withAblation(configuration: ConfigurationInput, name: string): ConfigurationInput {
  const found = Object.hasOwn(ablations, name) ? ablations[name] : undefined;
  if (found === undefined) {
    throw new HidiffError("config.ablation", `There is no ablation "${name}".${didYouMean(name, ablationNames)} Known: ${ablationNames.join(", ")}.`);
  }
  const base = found.from === undefined ? configuration : withAblation(configuration, found.from);
  return merge(base, found.changes) as ConfigurationInput;
}

/** `base` with the fields of `changes` in place of its own, at any depth. */
function merge(base: object, changes: object): object {
  const own = base as Readonly<Record<string, unknown>>;
  const merged = Object.entries(changes).map(([key, value]: [string, unknown]) => {
    return [key, typeof value === "object" && value !== null ? merge((own[key] ?? {}) as object, value) : value];
  });
  return { ...own, ...Object.fromEntries(merged) };
}
