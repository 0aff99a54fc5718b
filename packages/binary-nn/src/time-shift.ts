import { type Generator, Linear, Module, type Tensor } from "@hidiff/core-tensor";

/** A binary layer computes with signs (±1 weights and activations); a real-valued one is its float counterpart. */
export type Precision = "binary" | "real";

/**
 * A vector per item and channel that depends on the time step: `Linear(SiLU(embedding))`, zero at first (HiDiff §III-C).
 * All of them start from the same SiLU, so that the caller computes it once.
 */
export class TimeShift extends Module {
  readonly linear: Linear;

  constructor({ embeddingChannels, channels }: { readonly embeddingChannels: number; readonly channels: number }, generator: Generator) {
    super();
    const options = { inFeatures: embeddingChannels, outFeatures: channels, initialization: "zero" } as const;
    this.linear = this.addChild("linear", new Linear(options, generator));
  }

  /** `activatedEmbedding` `[batch, embeddingChannels]` (after SiLU) → `[batch, channels]` */
  forward(activatedEmbedding: Tensor): Tensor {
    return this.linear.forward(activatedEmbedding);
  }
}
