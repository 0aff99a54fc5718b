import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeSafetensors, type SafetensorsFile } from "@hidiff/core-tensor/files";

const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the numbers of the published networks are, or undefined: tests that need them are then skipped. */
export const goldensFolder: string | undefined = [process.env["HIDIFF_GOLDENS"], join(repository, "../shared/goldens")].find(
  (folder) => folder !== undefined && existsSync(folder),
);

/** Where real data sets are, or undefined. */
export const dataFolder: string | undefined = [process.env["HIDIFF_DATA"], join(repository, "../shared/data")].find(
  (folder) => folder !== undefined && existsSync(folder),
);

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(join(goldensFolder!, name), "utf8")) as T;
}

export function readGoldenTensors(name: string): SafetensorsFile {
  return decodeSafetensors(readFileSync(join(goldensFolder!, name)), name);
}

/** The goldens' formula: `length` numbers in [−1, 1) that depend on `name` only (float32). */
export function formula(name: string, length: number): Float32Array {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    let mixed = (hash + Math.imul(i, 0x9e3779b9)) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed = (mixed ^ (mixed >>> 16)) >>> 0;
    values[i] = mixed / 2147483648 - 1;
  }
  return values;
}

/** A parameter or buffer of a published network by the goldens' formula, in PyTorch's layout. */
export function formulaParameter(name: string, shape: readonly number[]): { shape: readonly number[]; data: Float32Array } {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = formula(name, size);
  const rule = ((): ((u: number) => number) => {
    if (name.endsWith("running_var")) return (u) => 1 + 0.5 * Math.abs(u);
    if (name.endsWith("running_mean")) return (u) => 0.1 * u;
    if (shape.length >= 2) {
      const fanIn = shape.slice(1).reduce((product, length) => product * length, 1);
      return (u) => u / Math.sqrt(fanIn);
    }
    return name.endsWith("weight") ? (u) => 0.5 + 0.4 * u : (u) => 0.1 * u;
  })();
  return { shape, data: values.map(rule) };
}

/** `[batch, channels, height, width]` → `[batch, height, width, channels]`. */
export function toChannelsLast(data: ArrayLike<number>, [batch, channels, height, width]: readonly [number, number, number, number]): Float32Array {
  const result = new Float32Array(data.length);
  let source = 0;
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < height * width; p++) result[(b * height * width + p) * channels + c] = data[source++]!;
    }
  }
  return result;
}
