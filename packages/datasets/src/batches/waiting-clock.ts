/** Measures for how long anybody has waited. */
export class WaitingClock {
  #waiting = 0;
  #since = 0;
  #total = 0;

  /** Milliseconds so far. */
  get total(): number {
    return this.#total + (this.#waiting > 0 ? performance.now() - this.#since : 0);
  }

  /** Waits for `work`. Times that overlap count once. */
  async during<T>(work: Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#since = performance.now();
    try {
      return await work;
    } finally {
      if (--this.#waiting === 0) this.#total += performance.now() - this.#since;
    }
  }

  /** Adds work that held up the caller's thread while nobody waited. */
  add(milliseconds: number): void {
    if (this.#waiting === 0) this.#total += milliseconds;
  }
}
