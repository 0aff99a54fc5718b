import { HidiffError } from "./errors.ts";

/** What {@link Generator.state} returns: plain numbers, so that it can be stored as JSON. */
export interface GeneratorState {
  readonly words: readonly [number, number, number, number];
}

/**
 * A seeded, splittable generator of pseudo-random numbers.
 *
 * xoshiro128** (Blackman & Vigna 2018) with 32-bit integer state, seeded by a 128-bit hash. All arithmetic is integer or
 * float64, so a seed gives the same numbers on every machine and every tensor backend (normal deviates: as far as
 * JavaScript engines agree on the last bit of `Math.log` and `Math.cos`).
 */
export class Generator {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** @param seed any finite number, or a text. */
  constructor(seed: number | string) {
    if (typeof seed === "number" && !Number.isFinite(seed)) {
      throw new HidiffError("random.seed", `Generator: the seed must be a finite number or a text, got ${seed}.`);
    }
    [this.#a, this.#b, this.#c, this.#d] = hashText(typeof seed === "number" ? `n${seed}` : `t${seed}`);
  }

  static fromState(state: GeneratorState): Generator {
    const generator = new Generator(0);
    generator.restore(state);
    return generator;
  }

  /** The state, to be stored in a checkpoint. */
  state(): GeneratorState {
    return { words: [this.#a, this.#b, this.#c, this.#d] };
  }

  /** Continues exactly where `state` was taken. */
  restore(state: GeneratorState): void {
    const { words } = state;
    if (words.length !== 4 || !words.every(Number.isInteger) || words.every((word) => word === 0)) {
      throw new HidiffError("random.state", `Generator: expected four integers that are not all zero, got [${words}]; pass what state() returned.`);
    }
    [this.#a, this.#b, this.#c, this.#d] = words;
  }

  /**
   * An independent generator. With a `label`, it depends on this generator's current state and the label only and does
   * not advance this generator: the same label gives the same child. Without one, it advances this generator.
   */
  split(label?: number | string): Generator {
    const [a, b, c, d] = label === undefined ? [this.uint32(), this.uint32(), this.uint32(), this.uint32()] : this.state().words;
    return new Generator(`${a}.${b}.${c}.${d}/${typeof label}:${label ?? ""}`);
  }

  /** An integer in [0, 2³²). */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A number in [low, high), with 32 random bits. */
  uniform(low: number = 0, high: number = 1): number {
    return low + (high - low) * (this.uint32() / 4294967296);
  }

  /** A normal deviate (Box–Muller). */
  normal(mean: number = 0, standardDeviation: number = 1): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 4294967296));
    return mean + standardDeviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** An integer in [0, bound), without bias. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
      throw new HidiffError("random.bound", `Generator.integer: the bound must be an integer in 1 … 2³², got ${bound}.`);
    }
    const limit = 4294967296 - (4294967296 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }

  /** True with the given probability. */
  bernoulli(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** The integers 0 … length − 1 in random order (Fisher–Yates). */
  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, index) => index);
    for (let last = length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const kept = order[last]!;
      order[last] = order[other]!;
      order[other] = kept;
    }
    return order;
  }

  /** `length` numbers in [low, high). */
  uniformArray(length: number, low: number = 0, high: number = 1): Float32Array {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      values[i] = this.uniform(low, high);
      if (values[i]! >= high) values[i] = low; // rounded up to float32, once in 2²⁵
    }
    return values;
  }

  /** `length` normal deviates. */
  normalArray(length: number, mean: number = 0, standardDeviation: number = 1): Float32Array {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = this.normal(mean, standardDeviation);
    return values;
  }

  /** One 0/1 sample per probability. Each takes one number, so results do not depend on the probabilities' values. */
  bernoulliArray(probabilities: ArrayLike<number>): Float32Array {
    const values = new Float32Array(probabilities.length);
    for (let i = 0; i < values.length; i++) values[i] = this.uniform() < probabilities[i]! ? 1 : 0;
    return values;
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Four FNV-like hashes of the UTF-16 code units with different multipliers, stirred; the last is never zero. */
function hashText(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x7f4a7c15, 0x94d049bb];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    words[0] = Math.imul(words[0] ^ code, 0x01000193);
    words[1] = Math.imul(words[1] ^ code, 0x85ebca6b);
    words[2] = Math.imul(words[2] ^ code, 0xc2b2ae35);
    words[3] = Math.imul(words[3] ^ code, 0x27d4eb2f);
  }
  // Low bits of a product depend on low bits only: stir twice round, each word with its neighbour.
  for (let i = 0; i < 8; i++) words[i % 4] = stir(words[i % 4]! ^ words[(i + 3) % 4]!);
  words[3] |= 1;
  return words;
}

/** The finaliser of MurmurHash3. */
function stir(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
