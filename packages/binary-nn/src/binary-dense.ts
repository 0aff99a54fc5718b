import { add, BatchNorm, type Generator, type Mode, Module, type Tensor } from "@hidiff/core-tensor";
import { BinaryLinear } from "./binary-linear.ts";
import { TimeActivation } from "./time-activation.ts";
import { TimeBinarization } from "./time-binarization.ts";
import type { Precision, TimeConditioning } from "./time-shift.ts";

export interface BinaryDenseOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly embeddingChannels: number;
  readonly precision: Precision;
}

/** `TA(BN(BLinear(TB(input))) + shortcut)`: the dense unit of the cross-transformer. */
export class BinaryDense extends Module {
  readonly binarization: TimeBinarization;
  readonly dense: BinaryLinear;
  readonly norm: BatchNorm;
  readonly activation: TimeActivation;

  constructor({ inChannels, outChannels, embeddingChannels, precision }: BinaryDenseOptions, generator: Generator) {
    super();
    this.binarization = this.addChild("binarization", new TimeBinarization({ channels: inChannels, embeddingChannels, precision }, generator));
    this.dense = this.addChild("dense", new BinaryLinear({ inFeatures: inChannels, outFeatures: outChannels, precision }, generator));
    this.norm = this.addChild("norm", new BatchNorm(outChannels));
    this.activation = this.addChild("activation", new TimeActivation({ channels: outChannels, embeddingChannels }, generator));
  }

  /**
   * @param input `[batch, tokens, inChannels]`
   * @param shortcut `[batch, tokens, outChannels]`
   */
  forward(input: Tensor, shortcut: Tensor, time: TimeConditioning, mode: Mode): Tensor {
    const product = this.dense.forward(this.binarization.forward(input, time));
    return this.activation.forward(add(this.norm.forward(product, mode), shortcut), time);
  }
}
