import { Generator } from "@hidiff/core-tensor";

/**
 * Draws for several batches that are one now what each of them would get from its own generator: the numbers are the same,
 * computed together or one after the other. Only {@link bernoulliArray} is joined.
 */
export class JoinedGenerator extends Generator {
  readonly #parts: readonly { readonly generator: Generator; readonly items: number }[];
  readonly #items: number;

  /** @param parts in order, with the items of the batch that are each one's */
  constructor(parts: readonly { readonly generator: Generator; readonly items: number }[]) {
    super(0);
    this.#parts = parts;
    this.#items = parts.reduce((sum, { items }) => sum + items, 0);
  }

  override bernoulliArray(probabilities: ArrayLike<number>): Float32Array {
    const all = Float32Array.from(probabilities);
    const item = all.length / this.#items;
    let start = 0;
    for (const { generator, items } of this.#parts) {
      const end = start + items * item;
      all.set(generator.bernoulliArray(all.subarray(start, end)), start);
      start = end;
    }
    return all;
  }
}
