import { abs, add, type Generator, Module, mul, operation, relu, reshape, sub, sumRows, type Tensor, tidy } from "@hidiff/core-tensor";
import { decide } from "./decisions.ts";
import { type Precision, type TimeConditioning, TimeShift } from "./time-shift.ts";

/**
 * The sign of `input + shift`: +1 if positive, else −1.
 *
 * Its gradient is that of the piecewise quadratic approximation of the sign: `2 − 2|u|` for |u| < 1, else 0
 * (Bi-Real Net; Liu et al. 2018).
 *
 * @param input `[batch, …, channels]`
 * @param shift `[batch, channels]`
 */
export function binarize<T extends Tensor>(input: T, shift: Tensor): T {
  return operation({
    inputs: { input, shift },
    forward: (save) => {
      const shifted = addPerItem(input, shift);
      save([shifted]);
      return reshape(sub(mul(decide("TB", reshape(shifted, input.shape)), 2), 1), input.shape) as Tensor;
    },
    backward: (gradient, [shifted]) => {
      const flat = tidy(() => mul(reshape(gradient, shifted!.shape), relu(sub(2, mul(2, abs(shifted!))))));
      return {
        input: () => reshape(flat, input.shape),
        shift: () => reshape(sumRows(flat), shift.shape),
      };
    },
  }) as T;
}

/** `input + shift` as `[batch, rows, channels]`. */
export function addPerItem(input: Tensor, shift: Tensor): Tensor {
  const [batch, channels] = shift.shape as [number, number];
  return add(reshape(input, [batch, -1, channels]), reshape(shift, [batch, 1, channels]));
}

/**
 * TB, time-dependent binarization: `sign(u + move(t))`. Real-valued: `u + move(t)`.
 */
export class TimeBinarization extends Module {
  readonly shift: TimeShift;
  readonly #precision: Precision;

  constructor(
    options: { readonly embeddingChannels: number; readonly channels: number; readonly precision: Precision },
    generator: Generator,
  ) {
    super();
    this.shift = this.addChild("shift", new TimeShift(options, generator));
    this.#precision = options.precision;
  }

  /** `[batch, …, channels]` → the same shape, ±1 (binary) */
  forward<T extends Tensor>(input: T, time: TimeConditioning): T {
    const shift = this.shift.forward(time);
    if (this.#precision === "binary") return binarize(input, shift);
    return reshape(addPerItem(input, shift), input.shape) as unknown as T;
  }
}
