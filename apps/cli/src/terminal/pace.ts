/** How fast a job goes, with more weight on its recent part. */
export class Pace {
  /** When the job began, in seconds. */
  readonly start: number;
  readonly #memory: number;
  #done: number;
  #time: number;
  #spent = 0;
  #gained = 0;

  /** @param memory seconds after which an observation counts 1/e */
  constructor(done: number, now: number, memory: number = 20) {
    this.#done = done;
    this.#time = now;
    this.start = now;
    this.#memory = memory;
  }

  /** @param now in seconds */
  observe(done: number, now: number): void {
    const elapsed = Math.max(0, now - this.#time);
    const fade = Math.exp(-elapsed / this.#memory);
    this.#spent = this.#spent * fade + elapsed;
    this.#gained = this.#gained * fade + (done - this.#done);
    this.#done = done;
    this.#time = now;
  }

  /** Units a second; undefined before anything was done. */
  get rate(): number | undefined {
    return this.#gained > 0 && this.#spent > 0 ? this.#gained / this.#spent : undefined;
  }

  /** Seconds until `total`. */
  left(total: number): number | undefined {
    return this.rate === undefined ? undefined : (total - this.#done) / this.rate;
  }
}
