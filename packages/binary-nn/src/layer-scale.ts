import { add, type Generator, Module, mul, reshape, type Tensor } from "@hidiff/core-tensor";
import { type TimeConditioning, TimeShift } from "./time-shift.ts";

/** `input·alpha(t) + move(t)` per channel; both are zero at first, so that a residual branch starts closed. */
export class LayerScale extends Module {
  readonly alpha: TimeShift;
  readonly move: TimeShift;

  constructor(options: { readonly embeddingChannels: number; readonly channels: number }, generator: Generator) {
    super();
    this.alpha = this.addChild("alpha", new TimeShift(options, generator));
    this.move = this.addChild("move", new TimeShift(options, generator));
  }

  /** `[batch, tokens, channels]` → the same shape */
  forward(input: Tensor, time: TimeConditioning): Tensor {
    const [batch, , channels] = input.shape as [number, number, number];
    const perItem = (shift: TimeShift): Tensor => reshape(shift.forward(time), [batch, 1, channels]);
    return add(mul(input, perItem(this.alpha)), perItem(this.move));
  }
}
