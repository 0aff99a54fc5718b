/** Memory that buffers of a fixed sequence of operations share: what one has released, the next may take. */
export class BufferPool {
  readonly #allocate: (bytes: number) => number;
  readonly #sizes = new Map<number, number>();
  readonly #free = new Set<number>();

  /** @param allocate reserves memory for good and returns its address */
  constructor(allocate: (bytes: number) => number) {
    this.#allocate = allocate;
  }

  /** The address of at least `bytes`: the smallest free buffer that is large enough but no more than twice as large, or a new one. */
  acquire(bytes: number): number {
    let best: number | undefined;
    for (const address of this.#free) {
      const size = this.#sizes.get(address)!;
      if (size >= bytes && size <= 2 * bytes && (best === undefined || size < this.#sizes.get(best)!)) best = address;
    }
    if (best !== undefined) {
      this.#free.delete(best);
      return best;
    }
    const address = this.#allocate(bytes);
    this.#sizes.set(address, bytes);
    return address;
  }

  release(...addresses: readonly number[]): void {
    for (const address of addresses) this.#free.add(address);
  }
}
