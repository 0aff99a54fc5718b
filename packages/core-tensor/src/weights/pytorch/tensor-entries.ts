import { elementCount } from "../../arrays/element-count.ts";
import type { Fail } from "../../arrays/fail.ts";
import { isKind, type PickleValue, type StoredTensor } from "./pickle-values.ts";

const deepest = 100;
const longestName = 1000;

/** What an entry of the list costs beside the letters of its name, about its bytes of memory. */
const entryCost = 200;

interface EntryLimits {
  /** Throws the error of a damaged file. */
  readonly fail: Fail;
  /** Of the steps, the letters of all names, and the entries. */
  readonly work: number;
  /** Of the elements of one tensor. */
  readonly elements: number;
}

/**
 * The tensors in dictionaries and lists, by the path of keys and indices joined by dots. Keys that are neither texts nor
 * integers name nothing: what is under them is left out. A tensor that stands alone has the empty name.
 *
 * A value that is referred to often is listed as often, so the limits stop what would not end.
 */
export function tensorEntries(root: PickleValue, { fail, work, elements }: EntryLimits): Map<string, StoredTensor> {
  const entries = new Map<string, StoredTensor>();
  let left = work;
  const charge = (steps: number): void => {
    left -= steps;
    if (left < 0) fail("it refers to the same objects so often that they cannot be listed");
  };
  const add = (name: string, tensor: StoredTensor): void => {
    if (name.length > longestName) fail(`the name of an array has more than ${longestName} letters`);
    charge(entryCost + name.length);
    const before = entries.get(name);
    if (before !== undefined && before !== tensor) fail(`two arrays have the name ${name}`);
    // A tensor can repeat elements (with strides of 0), honest ones but few: views of a scalar.
    if (!(elementCount(tensor.shape) <= elements)) fail(`${name} has the size [${tensor.shape}], more elements than the file has bytes`);
    entries.set(name, tensor);
  };
  const visit = (value: PickleValue, name: string, depth: number): void => {
    charge(1);
    if (isKind(value, "tensor")) return add(name, value);
    if (!Array.isArray(value) && !(value instanceof Map)) return;
    if (depth === deepest) fail(`it is nested deeper than ${deepest} times`);
    for (const [key, item] of value.entries()) {
      if (typeof key !== "string" && typeof key !== "number" && typeof key !== "bigint") continue;
      // A name that is too long already grows no further.
      const path = depth === 0 ? String(key) : name.length > longestName ? name : `${name}.${key}`;
      visit(item, path, depth + 1);
    }
  };
  visit(root, "", 0);
  return entries;
}
