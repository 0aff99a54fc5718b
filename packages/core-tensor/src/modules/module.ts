import { type Tensor, tensor, tidy, variable, type Variable } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";

/** Whether batch statistics are used and updated (training) or the running ones are used (evaluation). */
export interface Mode {
  readonly training: boolean;
}

/** An array in the host's memory: what state dictionaries and checkpoints hold. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Arrays by dotted state name. */
export type StateDict = Map<string, HostTensor>;

/**
 * How a parameter's axes relate to PyTorch's, for the checkpoint readers: `convolution` `[kh, kw, in, out]` ↔
 * `[out, in, kh, kw]`; `linear` `[in, out]` ↔ `[out, in]`; `transposedConvolution` `[in, kh, kw, out]` ↔ `[in, out, kh, kw]`;
 * `plain`: the same.
 */
export type ParameterLayout = "convolution" | "linear" | "transposedConvolution" | "plain";

/** A named trainable array. */
export interface NamedParameter {
  readonly name: string;
  readonly variable: Variable;
  readonly layout: ParameterLayout;
}

/**
 * A part of a network: it owns named parameters (trained), named buffers (running statistics) and named children.
 *
 * State names are dotted paths, such as `stem.weight`.
 */
export abstract class Module {
  readonly #parameters = new Map<string, { variable: Variable; layout: ParameterLayout }>();
  readonly #buffers = new Map<string, Variable>();
  readonly #children = new Map<string, Module>();

  protected addParameter(name: string, value: HostTensor, layout: ParameterLayout = "plain"): Variable {
    const created = hostVariable(value, true);
    this.#parameters.set(name, { variable: created, layout });
    return created;
  }

  protected addBuffer(name: string, value: HostTensor): Variable {
    const created = hostVariable(value, false);
    this.#buffers.set(name, created);
    return created;
  }

  protected addChild<M extends Module>(name: string, module: M): M {
    this.#children.set(name, module);
    return module;
  }

  /** Own and children's parameters, in order of creation. */
  parameters(prefix: string = ""): NamedParameter[] {
    const own = [...this.#parameters].map(([name, entry]) => ({ name: prefix + name, ...entry }));
    return [...own, ...this.#descend(prefix, (child, path) => child.parameters(path))];
  }

  /** Own and children's buffers (running statistics), in order of creation. */
  buffers(prefix: string = ""): { readonly name: string; readonly variable: Variable }[] {
    const own = [...this.#buffers].map(([name, entry]) => ({ name: prefix + name, variable: entry }));
    return [...own, ...this.#descend(prefix, (child, path) => child.buffers(path))];
  }

  /** This module and all within it. */
  modules(): Module[] {
    return [this, ...[...this.#children.values()].flatMap((child) => child.modules())];
  }

  /** All parameters and buffers, copied to the host. */
  stateDict(): StateDict {
    return new Map(
      this.#state().map(({ name, variable: value }) => [
        name,
        { shape: value.shape, data: (value.dataSync() as Float32Array).slice() },
      ]),
    );
  }

  /**
   * Loads every parameter and buffer.
   *
   * @throws HidiffError `state.mismatch`, listing missing, unexpected and mis-shaped names; nothing is loaded then
   */
  loadStateDict(state: ReadonlyMap<string, HostTensor>, what: string = "state"): void {
    const own = this.#state();
    const names = new Set(own.map(({ name }) => name));
    const missing = own.filter(({ name }) => !state.has(name)).map(({ name }) => name);
    const unexpected = [...state.keys()].filter((name) => !names.has(name));
    const misshaped = own.flatMap(({ name, variable: value }) => {
      const found = state.get(name);
      if (found === undefined || sameShape(found.shape, value.shape)) return [];
      return [`${name} (expected [${value.shape}], got [${found.shape}])`];
    });
    if (missing.length + unexpected.length + misshaped.length > 0) {
      const lists = [
        ["missing", missing],
        ["unexpected", unexpected],
        ["of another shape", misshaped],
      ] as const;
      const text = lists.filter(([, list]) => list.length > 0).map(([label, list]) => `${list.length} ${label}: ${shorten(list)}`);
      throw new HidiffError(
        "state.mismatch",
        `The ${what} is of another architecture than this network: ${text.join("; ")}. Use the configuration that it was trained with.`,
      );
    }
    for (const { name, variable: value } of own) assignHost(value, state.get(name)!);
  }

  /** Frees all arrays. The module cannot be used afterwards. */
  dispose(): void {
    for (const { variable: value } of this.#state()) value.dispose();
  }

  #state(): { name: string; variable: Variable }[] {
    return [...this.parameters(), ...this.buffers()];
  }

  #descend<T>(prefix: string, list: (child: Module, path: string) => T[]): T[] {
    return [...this.#children].flatMap(([name, child]) => list(child, `${prefix}${name}.`));
  }
}

/** Replaces a variable's value by a copy. */
export function assignHost(target: Variable, value: HostTensor): void {
  tidy(() => target.assign(hostTensor(value)));
}

/** The sum of a module's parameter counts. */
export function countParameters(module: Module): number {
  return module.parameters().reduce((sum, parameter) => sum + parameter.variable.size, 0);
}

function hostVariable(value: HostTensor, trainable: boolean): Variable {
  return tidy(() => variable(hostTensor(value), trainable));
}

/** Copies, since some backends keep the array that they are given. */
function hostTensor({ shape, data }: HostTensor): Tensor {
  return tensor(data.slice(), [...shape]);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function shorten(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown}, … (${names.length - 5} more)` : shown;
}
