import { add, concat, type Generator, Linear, matMul, Module, split, type Tensor } from "@hidiff/core-tensor";

/** A binary layer computes with signs (±1 weights and activations); a real-valued one is its float counterpart. */
export type Precision = "binary" | "real";

/** The time step as the layers take it. */
export interface TimeConditioning {
  /** SiLU of the time embedding, `[batch, embeddingChannels]`: all shifts start from it. */
  readonly activatedEmbedding: Tensor;
  /** Shifts that are computed already; see {@link computeTimeShifts}. */
  readonly shifts?: ReadonlyMap<TimeShift, Tensor>;
}

/**
 * A vector per item and channel that depends on the time step: `Linear(SiLU(embedding))`, zero at first (HiDiff §III-C).
 */
export class TimeShift extends Module {
  readonly linear: Linear;

  constructor({ embeddingChannels, channels }: { readonly embeddingChannels: number; readonly channels: number }, generator: Generator) {
    super();
    const options = { inFeatures: embeddingChannels, outFeatures: channels, initialization: "zero" } as const;
    this.linear = this.addChild("linear", new Linear(options, generator));
  }

  /** `[batch, channels]` */
  forward({ activatedEmbedding, shifts }: TimeConditioning): Tensor {
    return shifts?.get(this) ?? this.linear.forward(activatedEmbedding);
  }
}

/** All time shifts within `module`. */
export function timeShiftsOf(module: Module): TimeShift[] {
  return module.modules().filter((child) => child instanceof TimeShift);
}

/**
 * Computes many shifts by one product: a refiner has some two hundred of them, and one small product each, with its
 * gradient, would take a fifth of a training step.
 */
export function computeTimeShifts(modules: readonly TimeShift[], activatedEmbedding: Tensor): Map<TimeShift, Tensor> {
  if (modules.length === 0) return new Map();
  const weights = concat(modules.map(({ linear }) => linear.weight as Tensor), 1);
  const biases = concat(modules.map(({ linear }) => linear.bias as Tensor), 0);
  const widths = modules.map(({ linear }) => linear.weight.shape[1]!);
  const shifts = split(add(matMul(activatedEmbedding, weights), biases), widths, 1);
  return new Map(modules.map((module, index) => [module, shifts[index]!]));
}
