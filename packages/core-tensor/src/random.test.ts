import { describe, expect, it } from "vitest";
import { Generator } from "./random.ts";

describe("Generator", () => {
  it("follows xoshiro128** from a known state", () => {
    const generator = Generator.fromState({ words: [1, 2, 3, 4] });
    expect(Array.from({ length: 1000 }, draws(generator))).toEqual(reference([1, 2, 3, 4], 1000));
  });

  it("gives the same numbers for the same seed, for ever", () => {
    expect(Array.from({ length: 4 }, draws(new Generator(42)))).toEqual([58579851, 4080990728, 1436404979, 1501245872]);
    expect(Array.from({ length: 4 }, draws(new Generator("42")))).toEqual([2504311794, 3790966997, 3950910561, 3698363929]);
    expect([...new Generator(7).split("augmentation").normalArray(3)]).toEqual([-0.5045958757400513, 0.5442876815795898, 1.1037349700927734]);
    expect([...new Generator(7).permutation(8)]).toEqual([0, 7, 2, 4, 1, 5, 3, 6]);
  });

  it("gives different numbers for different seeds", () => {
    const first = new Set([0, 1, 2, -1, 0.5, 1e300, "0", "", "a", "b", "ab", "ba"].map((seed) => new Generator(seed).uint32()));
    expect(first.size).toBe(12);
  });

  it("is uniform in [0, 1): moments, and counts in 64 cells by the χ² test", () => {
    const length = 200_000;
    const values = new Generator(1).uniformArray(length);
    const cells = new Float64Array(64);
    let [mean, square, product] = [0, 0, 0];
    values.forEach((value, index) => {
      if (!(value >= 0 && value < 1)) throw new Error(`${value} is outside [0, 1)`);
      cells[Math.floor(value * 64)]! += 1;
      mean += value / length;
      square += (value - 0.5) ** 2 / length;
      if (index > 0) product += ((value - 0.5) * (values[index - 1]! - 0.5)) / length;
    });
    // Five standard errors of each statistic.
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / length));
    expect(Math.abs(square - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / length));
    expect(Math.abs(product)).toBeLessThan((5 * (1 / 12)) / Math.sqrt(length));
    const chiSquare = cells.reduce((total, count) => total + (count - length / 64) ** 2 / (length / 64), 0);
    expect(Math.abs(chiSquare - 63)).toBeLessThan(5 * Math.sqrt(2 * 63));
  });

  it("never rounds up to the upper limit", () => {
    // The largest 32-bit word gives 1 − 2⁻³², which float32 rounds to 1.
    class Largest extends Generator {
      override uint32(): number {
        return 4294967295;
      }
    }
    expect([...new Largest(1).uniformArray(2)]).toEqual([0, 0]);
    expect(new Largest(1).uniform()).toBeLessThan(1);
    expect(new Largest(1).uniformArray(1, -0.5, 0.5)[0]).toBeLessThan(0.5);
  });

  it("gives normal deviates: four moments, and the share beyond 2", () => {
    const length = 200_000;
    const values = new Generator(2).normalArray(length);
    const moment = (power: number): number => values.reduce((total, value) => total + value ** power / length, 0);
    // Standard errors of the first four moments of a normal sample: √(1, 2, 15, 96)/√length.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / length));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / length));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / length));
    const share = values.filter((value) => Math.abs(value) > 2).length / length;
    expect(Math.abs(share - 0.0455)).toBeLessThan(5 * Math.sqrt(0.0455 / length));
    const [shifted] = new Generator(2).normalArray(1, 10, 3);
    expect(shifted).toBeCloseTo(10 + 3 * values[0]!, 5);
  });

  it("gives integers without bias", () => {
    // A bound of 3·2³⁰: without rejection, the first quarter of the numbers would come twice as often as the others.
    const generator = new Generator(3);
    const bound = 3 * 2 ** 30;
    const length = 30_000;
    let low = 0;
    for (let i = 0; i < length; i++) {
      const value = generator.integer(bound);
      if (!(value >= 0 && value < bound)) throw new Error(`${value} is outside [0, ${bound})`);
      if (value < bound / 3) low++;
    }
    expect(Math.abs(low / length - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / length));
    expect(generator.integer(1)).toBe(0);
    expect(generator.integer(2 ** 32)).toBeLessThan(2 ** 32);
    for (const wrong of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => generator.integer(wrong)).toThrow("integer in 1 … 2³²");
  });

  it("permutes: every order of three is equally likely", () => {
    const generator = new Generator(4);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const order = generator.permutation(3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(["0,1,2", "0,2,1", "1,0,2", "1,2,0", "2,0,1", "2,1,0"]);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(2000));
    expect([...generator.permutation(1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(generator.permutation(0)).toHaveLength(0);
  });

  it("draws Bernoulli samples, one number each", () => {
    const generator = new Generator(5);
    const twin = Generator.fromState(generator.state());
    const samples = generator.bernoulliArray(new Float32Array(40_000).fill(0.3));
    expect(Math.abs(samples.reduce((a, b) => a + b) / 40_000 - 0.3)).toBeLessThan(5 * Math.sqrt(0.21 / 40_000));
    twin.uniformArray(40_000);
    expect(twin.state()).toEqual(generator.state());
    expect([...generator.bernoulliArray([0, 1, 0, 1])]).toEqual([0, 1, 0, 1]);
    expect(generator.bernoulli(1)).toBe(true);
    expect(generator.bernoulli(0)).toBe(false);
  });

  it("splits by label without advancing, and without a label with advancing", () => {
    const generator = new Generator(6);
    const before = generator.state();
    const a = generator.split("a");
    expect(generator.split("a").state()).toEqual(a.state());
    expect(generator.split("b").state()).not.toEqual(a.state());
    expect(generator.split(1).state()).not.toEqual(generator.split("1").state());
    expect(generator.state()).toEqual(before);
    expect(generator.split().state()).not.toEqual(generator.split().state());
    expect(generator.state()).not.toEqual(before);
  });

  it("children are uncorrelated with each other and with their parent", () => {
    const length = 100_000;
    const parent = new Generator(7);
    const streams = [parent.split(0), parent.split(1), parent.split(2), parent].map((generator) => generator.uniformArray(length, -1, 1));
    streams.forEach((a, i) =>
      streams.slice(0, i).forEach((b) => {
        const correlation = a.reduce((total, value, index) => total + value * b[index]!, 0) / length / (1 / 3);
        expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(length));
      }),
    );
  });

  it("100,000 children are all different", () => {
    // Of 32-bit states, one pair in 2³² is equal: a probability of 69 % among 100,000.
    const parent = new Generator(8);
    expect(new Set(Array.from({ length: 100_000 }, (_, label) => parent.split(label).state().words.join())).size).toBe(100_000);
  });

  it("continues from a stored state, also through JSON", () => {
    const generator = new Generator(9);
    generator.normalArray(11);
    const state = JSON.parse(JSON.stringify(generator.state())) as ReturnType<Generator["state"]>;
    const expected = generator.uniformArray(20);
    expect(Generator.fromState(state).uniformArray(20)).toEqual(expected);
    generator.restore(state);
    expect(generator.uniformArray(20)).toEqual(expected);
  });

  it("refuses what is no seed or no state, and stays as it is", () => {
    expect(() => new Generator(Number.NaN)).toThrow("finite number or a text");
    const generator = new Generator(10);
    const before = generator.state();
    for (const words of [[0, 0, 0, 0], [1, 2, 3], [1, 2, 3, 0.5]]) {
      expect(() => generator.restore({ words: words as never })).toThrow("four integers");
    }
    expect(generator.state()).toEqual(before);
  });
});

function draws(generator: Generator): () => number {
  return () => generator.uint32();
}

/** xoshiro128** with 64-bit integers, as its authors define it. */
function reference(state: number[], count: number): number[] {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  const s = state.map(BigInt) as [bigint, bigint, bigint, bigint];
  return Array.from({ length: count }, () => {
    const result = (rotate((s[1] * 5n) & mask, 7n) * 9n) & mask;
    const t = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
    return Number(result);
  });
}
