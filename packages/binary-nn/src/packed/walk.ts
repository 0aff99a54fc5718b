/** A kernel as WebAssembly exports it: chunk, scratch memory, then its parameters. */
export type KernelFunction = (...arguments_: number[]) => void;

/** Words of the control block at the start of the memory. */
export const control = { generation: 0, active: 1, program: 2, failed: 3, words: 4 } as const;

/** One kernel's call within a program. */
interface Operation {
  readonly kernel: KernelFunction;
  readonly chunks: number;
  readonly arguments: number[];
  /** Words that count chunks begun and done. */
  readonly begun: number;
  readonly done: number;
}

/**
 * The operations of the program at `address`, as the thread with number `thread` runs them. In memory: address and size of
 * the threads' scratch memory, number of operations; then of each operation the kernel's index, the numbers of chunks and
 * of parameters, two counters, and the parameters.
 */
export function readProgram(words: Int32Array, address: number, kernels: readonly KernelFunction[], thread: number): Operation[] {
  let at = address / 4;
  const scratch = (words[at]! >>> 0) + thread * words[at + 1]!;
  const length = words[at + 2]!;
  at += 3;
  return Array.from({ length }, () => {
    const kernel = kernels[words[at]!]!;
    const chunks = words[at + 1]!;
    const parameters = at + 5;
    at = parameters + words[at + 2]!;
    return { kernel, chunks, arguments: [0, scratch, ...words.subarray(parameters, at)], begun: parameters - 2, done: parameters - 1 };
  });
}

/** Sets the counters of chunks to 0. */
export function resetCounters(words: Int32Array, operations: readonly Operation[]): void {
  for (const { begun, done } of operations) {
    Atomics.store(words, begun, 0);
    Atomics.store(words, done, 0);
  }
}

/** How often a thread looks before it sleeps: some 20 µs. */
const spins = 4000;

/**
 * Works on a program together with other threads: whoever is free takes the next chunk, and nobody goes on to the next
 * operation before all chunks of one are done. A thread that comes late, or never, holds up none.
 *
 * @param isOpen whether the program still runs
 * @param mayWait whether this thread is allowed to sleep
 */
export function walk(words: Int32Array, operations: readonly Operation[], isOpen: () => boolean, mayWait: boolean): void {
  for (const { kernel, chunks, arguments: values, begun, done } of operations) {
    for (let chunk = Atomics.add(words, begun, 1); chunk < chunks; chunk = Atomics.add(words, begun, 1)) {
      values[0] = chunk;
      kernel.apply(undefined, values);
      if (Atomics.add(words, done, 1) + 1 === chunks) Atomics.notify(words, done);
    }
    let looks = 0;
    for (let finished = Atomics.load(words, done); finished < chunks; finished = Atomics.load(words, done)) {
      if (!isOpen()) return;
      if (++looks > spins && mayWait) Atomics.wait(words, done, finished, 10);
    }
  }
}
