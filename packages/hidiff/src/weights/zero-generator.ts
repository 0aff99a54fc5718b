import { Generator } from "@hidiff/core-tensor";

/** What an array counts for at least, because of the objects around it. */
const smallestArray = 1024;

/**
 * Gives zeros in place of random numbers, for a network whose arrays are all loaded afterwards. With a limit, it stops a
 * network that would not fit in memory while it is made.
 */
export class ZeroGenerator extends Generator {
  #left: number;
  readonly #fail: (() => never) | undefined;

  /**
   * @param limit how many numbers it gives; default: any number
   * @param fail throws the error of a network that needs more
   */
  constructor(limit: number = Infinity, fail?: () => never) {
    super(0);
    this.#left = limit;
    this.#fail = fail;
  }

  override uniformArray(length: number): Float32Array {
    this.#left -= Math.max(length, smallestArray);
    if (!(this.#left >= 0)) this.#fail?.();
    return new Float32Array(length);
  }

  override normalArray(length: number): Float32Array {
    return this.uniformArray(length);
  }

  override split(): Generator {
    return this;
  }
}
