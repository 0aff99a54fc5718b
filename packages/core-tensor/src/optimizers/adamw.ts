import { HidiffError } from "../errors.ts";
import { assignHost, type HostTensor, type NamedParameter, type StateDict } from "../modules/module.ts";
import type { Gradients } from "./gradients.ts";

export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled weight decay. Default 0. */
  readonly weightDecay?: number;
}

/**
 * AdamW (Loshchilov & Hutter 2019) with PyTorch's conventions: β 0.9 and 0.999, ε 1e-8 added after the bias-corrected
 * square root, decay `θ ← θ·(1 − lr·decay)`.
 *
 * Moments live in the host's memory, so that the arithmetic is the same on every backend and a checkpoint is a copy.
 */
export class AdamW {
  readonly #parameters: readonly NamedParameter[];
  readonly #first: Float32Array[];
  readonly #second: Float32Array[];
  readonly #options: Required<AdamWOptions>;
  #steps = 0;

  constructor(parameters: readonly NamedParameter[], options: AdamWOptions = {}) {
    this.#parameters = parameters;
    this.#first = parameters.map(({ variable }) => new Float32Array(variable.size));
    this.#second = parameters.map(({ variable }) => new Float32Array(variable.size));
    this.#options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, ...options };
  }

  /** Updates every parameter from its gradient. */
  step(gradients: Gradients, learningRate: number): void {
    this.#steps += 1;
    const { beta1, beta2, epsilon, weightDecay } = this.#options;
    const stepSize = learningRate / (1 - beta1 ** this.#steps);
    const correction = 1 / Math.sqrt(1 - beta2 ** this.#steps);
    const keep = 1 - learningRate * weightDecay;
    this.#parameters.forEach(({ variable, name }, index) => {
      const gradient = gradients[index]!;
      const value = (variable.dataSync() as Float32Array).slice();
      const first = this.#first[index]!;
      const second = this.#second[index]!;
      if (gradient.length !== value.length) {
        throw new HidiffError("adamw.shape", `AdamW: the gradient of ${name} has ${gradient.length} elements, expected ${value.length}.`);
      }
      update(value, gradient, first, second, { beta1, beta2, epsilon, stepSize, correction, keep });
      assignHost(variable, { shape: variable.shape, data: value });
    });
  }

  /** Moments by `first.NAME` and `second.NAME`, and `steps`. */
  stateDict(): StateDict {
    const entries: [string, HostTensor][] = [["steps", { shape: [1], data: Float32Array.of(this.#steps) }]];
    this.#parameters.forEach(({ name, variable }, index) => {
      entries.push([`first.${name}`, { shape: variable.shape, data: this.#first[index]!.slice() }]);
      entries.push([`second.${name}`, { shape: variable.shape, data: this.#second[index]!.slice() }]);
    });
    return new Map(entries);
  }

  /** Continues where {@link stateDict} was taken; the parameters themselves are loaded into the module. */
  loadStateDict(state: ReadonlyMap<string, HostTensor>): void {
    const find = (name: string, length: number): Float32Array => {
      const found = state.get(name)?.data;
      if (found?.length !== length) {
        throw new HidiffError("adamw.state", `AdamW: the optimizer state does not fit this network (at ${name}); start without it.`);
      }
      return found;
    };
    this.#parameters.forEach(({ name, variable }, index) => {
      this.#first[index]!.set(find(`first.${name}`, variable.size));
      this.#second[index]!.set(find(`second.${name}`, variable.size));
    });
    this.#steps = find("steps", 1)[0]!;
  }
}

interface UpdateFactors {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The learning rate with the first moment's bias correction. */
  readonly stepSize: number;
  /** The second moment's bias correction, of its root. */
  readonly correction: number;
  /** What weight decay leaves. */
  readonly keep: number;
}

/** Updates parameters and moments in place. A function of its own, with local factors, takes two thirds of a closure's time. */
function update(value: Float32Array, gradient: Float32Array, first: Float32Array, second: Float32Array, factors: UpdateFactors): void {
  const { beta1, beta2, epsilon, stepSize, correction, keep } = factors;
  for (let i = 0; i < value.length; i++) {
    const slope = gradient[i]!;
    first[i] = beta1 * first[i]! + (1 - beta1) * slope;
    second[i] = beta2 * second[i]! + (1 - beta2) * slope * slope;
    value[i] = value[i]! * keep - (stepSize * first[i]!) / (Math.sqrt(second[i]!) * correction + epsilon);
  }
}
