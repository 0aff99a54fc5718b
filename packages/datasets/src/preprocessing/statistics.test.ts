import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { channelMoments } from "./moments.ts";
import { channelPercentiles } from "./percentiles.ts";
import { imageOf, labelsOf } from "./testing-stacks.ts";

const shape = [4, 5, 6, 2] as const;
const count = 4 * 5 * 6 * 2;
const random = new Generator(3);
const region = labelsOf([4, 5, 6], Array.from({ length: 120 }, () => random.integer(3)));
const samples: Record<string, number[]> = {
  integers: Array.from({ length: count }, () => random.integer(2000) - 1000),
  fractions: Array.from({ length: count }, () => Math.fround(random.normal(40, 700))),
  "tiny and huge numbers of both signs": Array.from({ length: count }, () => Math.fround(random.normal() * 10 ** (random.integer(60) - 30))),
  "integers, then fractions": Array.from({ length: count }, (_, i) => (i < 150 ? random.integer(9) - 4 : Math.fround(random.uniform(-5, 5)))),
  "integers beyond 16 bits": Array.from({ length: count }, () => random.integer(300_000) - 100_000),
  zeros: Array.from({ length: count }, (_, i) => (i % 3 === 0 ? -0 : 0)),
};

/** A channel's values inside of the region, sorted. */
function channelValues(values: readonly number[], channel: number, inside: boolean): number[] {
  const labels = Array.from({ length: 4 }, (_, i) => Array.from(region.slice(i))).flat();
  return values.filter((_, i) => i % 2 === channel && (!inside || labels[i >> 1] !== 0)).sort((a, b) => a - b);
}

describe.each(Object.entries(samples))("statistics of %s", (_, values) => {
  it.each([false, true])("percentiles are those of the sorted values (in a region: %s)", (inside) => {
    const percents = [0, 0.5, 12.3, 50, 99.5, 100];
    const found = channelPercentiles(imageOf(shape, values), inside ? region : undefined, percents);
    for (const channel of [0, 1]) {
      const sorted = channelValues(values, channel, inside);
      for (const [i, percent] of percents.entries()) {
        const rank = (percent / 100) * (sorted.length - 1); // NumPy's "linear"
        const low = sorted[Math.floor(rank)]!;
        const expected = low + (sorted[Math.ceil(rank)]! - low) * (rank - Math.floor(rank));
        expect(Math.abs(found[channel]![i]! - expected)).toBeLessThanOrEqual(1e-12 * Math.abs(expected));
      }
    }
  });

  it.each([false, true])("moments are those of two passes (in a region: %s)", (inside) => {
    const found = channelMoments(imageOf(shape, values), inside ? region : undefined);
    for (const channel of [0, 1]) {
      const chosen = channelValues(values, channel, inside);
      const mean = chosen.reduce((sum, value) => sum + value, 0) / chosen.length;
      const deviation = Math.sqrt(chosen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / chosen.length);
      expect(found[channel]!.count).toBe(chosen.length);
      expect(Math.abs(found[channel]!.mean - mean)).toBeLessThanOrEqual(1e-12 * deviation);
      expect(Math.abs(found[channel]!.standardDeviation - deviation)).toBeLessThanOrEqual(1e-12 * deviation);
    }
  });
});

describe("statistics", () => {
  it("read each slice once; percentiles of fractions twice", () => {
    const integers = imageOf(shape, samples["integers"]!);
    channelMoments(integers, region);
    expect(integers.reads).toEqual([1, 1, 1, 1]);
    channelPercentiles(integers, region, [1, 99]);
    expect(integers.reads).toEqual([2, 2, 2, 2]);
    const fractions = imageOf(shape, samples["fractions"]!);
    channelPercentiles(fractions, region, [1, 99]);
    expect(fractions.reads).toEqual([2, 2, 2, 2]);
  });

  it("of a constant have no spread, far from 0 too", () => {
    const constant = Math.fround(123_456.7);
    const [moments] = channelMoments(imageOf([3, 7, 7, 1], new Float32Array(147).fill(constant)), undefined);
    expect(moments).toEqual({ count: 147, mean: constant, standardDeviation: 0 });
  });

  it("are accurate where the spread is small beside the mean", () => {
    const values = Array.from({ length: 4000 }, (_, i) => 1_000_000 + (i % 2));
    expect(channelMoments(imageOf([10, 20, 20, 1], values), undefined)[0]!.standardDeviation).toBeCloseTo(0.5, 12);
  });

  it("of no values are none", () => {
    const nothing = labelsOf([4, 5, 6], new Uint8Array(120));
    const image = imageOf(shape, samples["fractions"]!);
    expect(channelMoments(image, nothing)).toEqual([1, 2].map(() => ({ count: 0, mean: 0, standardDeviation: 0 })));
    expect(channelPercentiles(image, nothing, [1, 99])).toEqual([[], []]);
  });

  it.each([NaN, Infinity, -Infinity])("show a value of %s", (value) => {
    const image = imageOf([1, 1, 4, 1], [1, 2, value, 3]);
    expect(channelMoments(image, undefined)[0]!.standardDeviation).toBeNaN();
    expect(channelPercentiles(image, undefined, [0, 50])).toEqual([[NaN, NaN]]);
  });
});
