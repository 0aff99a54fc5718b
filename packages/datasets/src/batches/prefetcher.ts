import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Batch } from "../types.ts";

interface PrefetcherOptions {
  /** How many batches are made ahead of the one asked for. */
  readonly ahead: number;
  /**
   * `immediately`: the batches ahead are started together with the one asked for, for work that is done elsewhere.
   * `afterwards`: once that is done and the caller has gone on, for work in the caller's own thread.
   */
  readonly start: "immediately" | "afterwards";
}

/** Makes the batches of the next steps before they are asked for. */
export class Prefetcher {
  readonly #make: (step: number) => Promise<Batch>;
  readonly #options: PrefetcherOptions;
  readonly #pending = new Map<number, Promise<Batch>>();
  #closed = false;

  constructor(make: (step: number) => Promise<Batch>, options: PrefetcherOptions) {
    this.#make = make;
    this.#options = options;
  }

  /** The batch of `step`. Each is handed out once, so that the caller may keep or overwrite its arrays. */
  take(step: number): Promise<Batch> {
    if (!Number.isSafeInteger(step) || step < 0) {
      return Promise.reject(new HidiffError("datasets.step", `batch: the step must be an integer ≥ 0, got ${step}.`));
    }
    if (this.#closed) {
      return Promise.reject(new HidiffError("datasets.closed", "batch: this source is closed; create another one."));
    }
    const last = step + this.#options.ahead;
    for (const known of this.#pending.keys()) if (known < step || known > last) this.#pending.delete(known);
    const batch = this.#start(step);
    this.#pending.delete(step);
    if (this.#options.start === "immediately") this.#startThrough(step + 1, last);
    else batch.then(() => setTimeout(() => this.#startThrough(step + 1, last), 0), () => undefined);
    return batch;
  }

  close(): void {
    this.#closed = true;
    this.#pending.clear();
  }

  #start(step: number): Promise<Batch> {
    const known = this.#pending.get(step);
    if (known !== undefined) return known;
    const batch = this.#make(step);
    batch.catch(() => undefined); // a failure counts only for who asks for this step
    this.#pending.set(step, batch);
    return batch;
  }

  #startThrough(first: number, last: number): void {
    for (let step = first; step <= last && !this.#closed; step++) this.#start(step);
  }
}
