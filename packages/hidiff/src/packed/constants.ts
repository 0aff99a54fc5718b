import { columnOrder, kernelMatrix, kernelVector, kernelWeights, type KernelEngine, winogradFilter } from "@hidiff/binary-nn/packed";
import { HidiffError } from "@hidiff/core-tensor/errors";
import type { CompiledRefiner } from "./compiled-refiner.ts";

/** The channels of a float map: a multiple of 4, the rest of them 0. */
export function paddedChannels(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

/** A compiled refiner's arrays in an engine's memory, brought into the kernels' order when they are first asked for. */
export class Constants {
  readonly #engine: KernelEngine;
  readonly #compiled: CompiledRefiner;
  readonly #addresses = new Map<string, number>();

  constructor(engine: KernelEngine, compiled: CompiledRefiner) {
    this.#engine = engine;
    this.#compiled = compiled;
  }

  /** A vector of `length`, padded with zeros to a multiple of 8. */
  vector(name: string, length: number): number {
    return this.once(name, () => kernelVector(this.floats(name, [length])));
  }

  /** The row of a table `[steps][length]` that belongs to a step; `part` starts at that channel. */
  row(name: string, step: number, length: number, part = 0): number {
    return this.once(name, () => this.floats(name, [this.#compiled.steps.length, length])) + 4 * (step * length + part);
  }

  /** Weights of a binary convolution (kernel size 3) or linear map (1). */
  binaryWeights(name: string, inChannels: number, outChannels: number, kernelSize: 1 | 3): number {
    return this.once(name, () => {
      const bits = this.bytes(name, [outChannels, Math.ceil((kernelSize * kernelSize * inChannels) / 8)]);
      return kernelWeights({ bits, inChannels, outChannels, kernelSize });
    });
  }

  /** A 3×3 filter for Winograd's products. */
  winograd(name: string, inChannels: number, outChannels: number): number {
    return this.once(name, () => winogradFilter(this.filter(name, inChannels, outChannels), inChannels, outChannels, paddedChannels(inChannels)));
  }

  /** The part of a 3×3 filter that belongs to some of its input channels, as `floatConvolution` reads it. */
  convolution(name: string, inChannels: number, outChannels: number, parts: readonly (readonly [start: number, end: number])[]): number {
    return this.once(name, () => {
      const part = selectInputs(this.filter(name, inChannels, outChannels), inChannels, outChannels, parts);
      const channels = part.length / (9 * outChannels);
      return kernelMatrix(columnOrder(part, channels, outChannels, paddedChannels(channels)), 9 * paddedChannels(channels), outChannels);
    });
  }

  /** A 1×1 filter. */
  matrix(name: string, inChannels: number, outChannels: number): number {
    return this.once(name, () => {
      const padded = new Float32Array(paddedChannels(inChannels) * outChannels);
      padded.set(this.floats(name, [1, 1, inChannels, outChannels]));
      return kernelMatrix(padded, paddedChannels(inChannels), outChannels);
    });
  }

  /** Sums of the filter's weights by nibble of the mask's classes, `[dx][dy][nibble][16][outChannel]`, for the kernel `stem`. */
  maskTables(name: string, inChannels: number, outChannels: number, [start, end]: readonly [number, number]): number {
    return this.once(`${name}/mask`, () => {
      const classes = end - start;
      const nibbles = Math.ceil(classes / 4);
      const filter = columnOrder(selectInputs(this.filter(name, inChannels, outChannels), inChannels, outChannels, [[start, end]]), classes, outChannels, classes);
      const tables = new Float32Array(9 * nibbles * 16 * outChannels);
      for (let tap = 0; tap < 9; tap++) {
        for (let index = 0; index < 4 * nibbles; index++) {
          if (index >= classes) continue;
          for (let bits = 0; bits < 16; bits++) {
            if (((bits >> (index % 4)) & 1) === 0) continue;
            const to = ((tap * nibbles + Math.floor(index / 4)) * 16 + bits) * outChannels;
            for (let c = 0; c < outChannels; c++) tables[to + c]! += filter[(tap * classes + index) * outChannels + c]!;
          }
        }
      }
      return tables;
    });
  }

  /** A vector of one number, padded as {@link vector}. */
  filled(value: number, length: number): number {
    return this.once(`${value} × ${length}`, () => kernelVector(new Float32Array(length).fill(value)));
  }

  private once(name: string, make: () => Float32Array | Uint8Array): number {
    let address = this.#addresses.get(name);
    if (address === undefined) {
      address = this.#engine.store(make());
      this.#addresses.set(name, address);
    }
    return address;
  }

  private filter(name: string, inChannels: number, outChannels: number): Float32Array {
    return this.floats(name, [3, 3, inChannels, outChannels]);
  }

  private floats(name: string, shape: readonly number[]): Float32Array {
    const { data } = this.tensor(name, shape);
    if (data instanceof Float32Array) return data;
    throw new HidiffError("packed.format", `The compiled refiner's ${name} holds bytes instead of numbers; compile the model again.`);
  }

  private bytes(name: string, shape: readonly number[]): Uint8Array {
    const { data } = this.tensor(name, shape);
    if (data instanceof Uint8Array) return data;
    throw new HidiffError("packed.format", `The compiled refiner's ${name} holds numbers instead of bits; compile the model again.`);
  }

  private tensor(name: string, shape: readonly number[]): { readonly data: Float32Array | Uint8Array } {
    const found = this.#compiled.tensors.get(name);
    if (found === undefined) throw new HidiffError("packed.format", `The compiled refiner has no ${name}; compile the model again.`);
    if (found.shape.join() !== shape.join()) {
      throw new HidiffError("packed.format", `The compiled refiner's ${name} has shape [${found.shape}], its architecture needs [${shape}]; compile the model again.`);
    }
    return found;
  }
}

/** Some input channels of a filter `[3][3][inChannel][outChannel]`. */
function selectInputs(filter: Float32Array, inChannels: number, outChannels: number, parts: readonly (readonly [number, number])[]): Float32Array {
  const selected = parts.reduce((sum, [start, end]) => sum + end - start, 0);
  const result = new Float32Array(9 * selected * outChannels);
  let at = 0;
  for (let tap = 0; tap < 9; tap++) {
    for (const [start, end] of parts) {
      result.set(filter.subarray((tap * inChannels + start) * outChannels, (tap * inChannels + end) * outChannels), at);
      at += (end - start) * outChannels;
    }
  }
  return result;
}
