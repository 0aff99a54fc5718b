import type { HostTensor } from "../modules/module.ts";

/** An array in a file of weights, as the file describes it. */
export interface WeightsEntry {
  readonly shape: readonly number[];
  /**
   * The element type as safetensors names it: F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL; or another, of
   * an array that cannot be read, such as F8_E4M3 or C64 (in `.npz` by NumPy's description).
   */
  readonly dtype: string;
}

/** A file of weights whose arrays are read when they are asked for, so that no more than one of them is in memory twice. */
export interface WeightsFile {
  readonly format: "safetensors" | "pytorch" | "npz";
  /** How errors call it. */
  readonly name: string;
  /**
   * By state name, in the file's order. Of nested PyTorch checkpoints, the path of keys and indices joined by dots; a tensor
   * that is alone in its file has the empty name.
   */
  readonly entries: ReadonlyMap<string, WeightsEntry>;
  /** Texts by key; empty where the format has none. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The array as 32-bit floats in memory of its own, in the file's layout, the last axis running fastest: F16 and BF16 exactly,
   * F64 rounded to nearest. Arrays may be read at the same time.
   *
   * @throws HidiffError `weights.name` for a name that is not in the file; `weights.dtype` for integers beyond ±2²⁴ and types that
   * are not supported; `weights.size` for an array too large for memory; `weights.format` or `npz.format` for a damaged file
   */
  read(name: string): Promise<HostTensor>;
  /** Gives the file back; nothing can be read afterwards. */
  close(): Promise<void>;
}
