import { HidiffError } from "../errors.ts";
import { assignHost, type HostTensor, type Module, type StateDict } from "../modules/module.ts";

/**
 * Exponential moving average of a module's parameters and running statistics.
 *
 * The decay warms up as `min(decay, (1 + updates)/(10 + updates))`, so that short runs do not average in the
 * initialization.
 */
export class ExponentialMovingAverage {
  readonly #module: Module;
  readonly #decay: number;
  readonly #average: StateDict;
  #updates = 0;

  constructor(module: Module, decay: number = 0.9999) {
    if (!(decay >= 0 && decay < 1)) {
      throw new HidiffError("ema.decay", `ExponentialMovingAverage: the decay must lie in [0, 1), got ${decay}.`);
    }
    this.#module = module;
    this.#decay = decay;
    this.#average = module.stateDict();
  }

  /** Takes in the module's present values. */
  update(): void {
    const decay = Math.min(this.#decay, (1 + this.#updates) / (10 + this.#updates));
    this.#updates += 1;
    for (const { name, variable } of [...this.#module.parameters(), ...this.#module.buffers()]) {
      const average = this.#average.get(name)!.data;
      const current = variable.dataSync();
      for (let i = 0; i < average.length; i++) average[i] = decay * average[i]! + (1 - decay) * current[i]!;
    }
  }

  /** Runs `action` with the averages in the module, then puts the trained values back. */
  async with<T>(action: () => T | Promise<T>): Promise<T> {
    const trained = this.#module.stateDict();
    this.#assign(this.#average);
    try {
      return await action();
    } finally {
      this.#assign(trained);
    }
  }

  /** A copy of the averages, under the module's own names. */
  stateDict(): StateDict {
    return new Map([...this.#average].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
  }

  get updates(): number {
    return this.#updates;
  }

  /** Continues from stored averages. */
  restore(state: ReadonlyMap<string, HostTensor>, updates: number): void {
    for (const [name, { data }] of this.#average) {
      const found = state.get(name);
      if (found?.data.length !== data.length) {
        throw new HidiffError("ema.state", `ExponentialMovingAverage: the stored averages do not fit this network (at ${name}).`);
      }
      data.set(found.data);
    }
    this.#updates = updates;
  }

  #assign(state: StateDict): void {
    for (const { name, variable } of [...this.#module.parameters(), ...this.#module.buffers()]) {
      assignHost(variable, state.get(name)!);
    }
  }
}
