import {
  add,
  cast,
  constantTensor,
  type Generator,
  greater,
  minimum,
  Module,
  mul,
  operation,
  relu,
  reshape,
  sub,
  sum,
  sumRows,
  type Tensor,
  tidy,
  type Variable,
} from "@hidiff/core-tensor";
import { addPerItem } from "./time-binarization.ts";
import { type TimeConditioning, TimeShift } from "./time-shift.ts";

/**
 * `prelu(input + before) + after`, with a slope per channel for negative values, as one operation.
 *
 * @param input `[batch, …, channels]`
 * @param before `[batch, channels]`
 * @param slope `[channels]`
 * @param after `[batch, channels]`
 */
export function shiftedPrelu<T extends Tensor>(input: T, before: Tensor, slope: Tensor, after: Tensor): T {
  return operation({
    inputs: { input, before, slope, after },
    forward: (save) => {
      const shifted = addPerItem(input, before);
      save([shifted, slope]);
      // slope·u + (1 − slope)·relu(u) = prelu(u), whatever the slope.
      const activated = add(mul(shifted, slope), mul(relu(shifted), sub(1, slope)));
      return reshape(addPerItem(activated, after), input.shape) as Tensor;
    },
    backward: (gradient, saved) => {
      const [shifted, savedSlope] = saved as [Tensor, Tensor];
      const flat = reshape(gradient, shifted.shape);
      const inward = tidy(() => mul(flat, add(savedSlope, mul(cast(greater(shifted, 0), "float32"), sub(1, savedSlope)))));
      return {
        input: () => reshape(inward, input.shape),
        before: () => reshape(sumRows(inward), before.shape),
        slope: () => tidy(() => reshape(sum(sumRows(mul(flat, minimum(shifted, 0))), 0), slope.shape)),
        after: () => reshape(sumRows(flat), after.shape),
      };
    },
  }) as T;
}

/** TA, time-dependent activation: `prelu(u + before(t)) + after(t)`; slopes start at 0.25. */
export class TimeActivation extends Module {
  readonly before: TimeShift;
  readonly slope: Variable;
  readonly after: TimeShift;

  constructor(options: { readonly embeddingChannels: number; readonly channels: number }, generator: Generator) {
    super();
    this.before = this.addChild("before", new TimeShift(options, generator));
    this.slope = this.addParameter("slope", constantTensor([options.channels], 0.25));
    this.after = this.addChild("after", new TimeShift(options, generator));
  }

  /** `[batch, …, channels]` → the same shape */
  forward<T extends Tensor>(input: T, time: TimeConditioning): T {
    return shiftedPrelu(input, this.before.forward(time), this.slope, this.after.forward(time));
  }
}
