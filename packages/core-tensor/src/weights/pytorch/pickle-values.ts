import type { Fail } from "../../arrays/fail.ts";

/**
 * What a pickle of PyTorch describes, as data. Tuples are arrays like lists; dictionaries are maps, with keys compared by
 * identity if they are no texts, numbers or the like.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | typeof inert
  | Storage
  | StoredTensor;

/** A class or function of Python that is allowed in a pickle. Nothing of Python is run: `call` makes data from the arguments. */
export class PickleGlobal {
  readonly name: string;
  readonly call: (args: readonly PickleValue[], machine: Calls) => PickleValue;
  /** The element type, of types of storages and of elements. */
  readonly dtype: string | undefined;

  constructor(name: string, call: PickleGlobal["call"], dtype?: string) {
    this.name = name;
    this.call = call;
    this.dtype = dtype;
  }
}

/** What a {@link PickleGlobal} may ask of the machine that meets it. */
export interface Calls {
  /** Throws the error of a damaged file. */
  readonly fail: Fail;
  /** Accounts for `work` steps that the pickle's length does not bound; an error if they exceed what honest files need. */
  charge(work: number): void;
  /** A new dictionary, accounted for. */
  dictionary(): Map<PickleValue, PickleValue>;
}

/** Stands for every object that is no array and holds none that is read: numbers of NumPy, paths, options, sets. */
export const inert: unique symbol = Symbol("inert");

/** A run of elements in a file that tensors are views of. */
export interface Storage {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: string;
  /** Where it begins in the storage that the file holds, in elements. */
  readonly begin: number;
  readonly length: number;
}

/** A view of a storage. */
export interface StoredTensor {
  readonly kind: "tensor";
  readonly storage: Storage;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** In elements, as is `offset`, which counts from the storage's beginning. */
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Whether a value is of a kind: a storage or a tensor. */
export function isKind<K extends "storage" | "tensor">(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { readonly kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

/** Whether a value is an integer that counts something. */
export function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
