import type { HostTensor } from "../modules/module.ts";

/** An array in a file of weights, as the file describes it. */
export interface WeightsEntry {
  readonly shape: readonly number[];
  /** The element type as safetensors names it: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL. */
  readonly dtype: string;
}

/** A file of weights whose arrays are read when they are asked for, so that no more than one of them is in memory twice. */
export interface WeightsFile {
  readonly format: "safetensors" | "pytorch" | "npz";
  /** How errors call it. */
  readonly name: string;
  /** By dotted state name, in the file's order. Of nested PyTorch checkpoints, the path of keys joined by dots. */
  readonly entries: ReadonlyMap<string, WeightsEntry>;
  /** Texts by key; empty where the format has none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The array as 32-bit floats: F16 and BF16 exactly, F64 rounded; integers beyond ±2²⁴ are an error. */
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}
