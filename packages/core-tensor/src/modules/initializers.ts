import { elementCount } from "../arrays/element-count.ts";
import type { Generator } from "../random.ts";
import type { HostTensor } from "./module.ts";

/** An array filled with one value. */
export function constantTensor(shape: readonly number[], value: number): HostTensor {
  return { shape, data: new Float32Array(elementCount(shape)).fill(value) };
}

/**
 * Kaiming-uniform (He et al. 2015): uniform in ±√(6 / ((1 + a²)·fanIn)). With a = √5, PyTorch's default for convolutions
 * and linear layers, the bound is 1/√fanIn.
 */
export function kaimingUniform(shape: readonly number[], fanIn: number, generator: Generator, a: number = Math.sqrt(5)): HostTensor {
  const bound = Math.sqrt(6 / ((1 + a * a) * fanIn));
  return { shape, data: generator.uniformArray(elementCount(shape), -bound, bound) };
}

/** Uniform in ±1/√fanIn: PyTorch's default for biases. */
export function biasUniform(length: number, fanIn: number, generator: Generator): HostTensor {
  const bound = 1 / Math.sqrt(fanIn);
  return { shape: [length], data: generator.uniformArray(length, -bound, bound) };
}

/** Normal deviates of the given standard deviation. */
export function normalTensor(shape: readonly number[], standardDeviation: number, generator: Generator): HostTensor {
  return { shape, data: generator.normalArray(elementCount(shape), 0, standardDeviation) };
}
