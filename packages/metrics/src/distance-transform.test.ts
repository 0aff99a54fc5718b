import { describe, expect, it } from "vitest";
import { distanceTransform } from "./distance-transform.ts";
import { gridOf } from "./geometry.ts";
import { distanceBetween, randomMask, seededRandom } from "./testing/masks.ts";

function bruteForce(mask: Uint8Array, shape: readonly number[], spacing?: readonly number[]): number[] {
  const grid = gridOf("test", { shape, spacing });
  return Array.from(mask, (_, index) =>
    mask.reduce((best, value, other) => (value === 1 ? Math.min(best, distanceBetween(index, other, grid)) : best), Infinity),
  );
}

describe("distanceTransform", () => {
  it.each([
    { shape: [9, 13], spacing: undefined, probability: 0.05 },
    { shape: [9, 13], spacing: [0.7, 1.9], probability: 0.1 },
    { shape: [13, 9], spacing: [3.1, 0.4], probability: 0.5 },
    { shape: [1, 17], spacing: [2, 0.3], probability: 0.2 },
    { shape: [17, 1], spacing: [0.3, 2], probability: 0.2 },
    { shape: [5, 7, 6], spacing: undefined, probability: 0.03 },
    { shape: [5, 7, 6], spacing: [2.5, 0.8, 0.9], probability: 0.02 },
    { shape: [7, 5, 6], spacing: [0.2, 3, 1.1], probability: 0.3 },
  ])("agrees with all pairs on random masks: %o", ({ shape, spacing, probability }) => {
    const random = seededRandom(1);
    const length = shape.reduce((product, size) => product * size, 1);
    for (let repeat = 0; repeat < 10; repeat++) {
      const mask = randomMask(random, length, probability);
      const distances = distanceTransform(mask, { shape, spacing });
      bruteForce(mask, shape, spacing).forEach((expected, index) => {
        // Both are a few roundings of float64 away from the true value.
        if (expected === Infinity) expect(distances[index]).toBe(Infinity);
        else expect(Math.abs(distances[index]! - expected)).toBeLessThan(1e-12);
      });
    }
  });

  it("is exact on whole spacings", () => {
    expect([...distanceTransform([1, 0, 0, 0, 0, 0], { shape: [2, 3] })]).toEqual([0, 1, 2, 1, Math.SQRT2, Math.sqrt(5)]);
    expect([...distanceTransform([1, 0, 0, 0], { shape: [2, 2], spacing: [4, 3] })]).toEqual([0, 3, 4, 5]);
  });

  it("handles empty, full, single and zero-size masks", () => {
    expect([...distanceTransform([0, 0], { shape: [1, 2] })]).toEqual([Infinity, Infinity]);
    expect([...distanceTransform([1, 1], { shape: [2, 1] })]).toEqual([0, 0]);
    expect([...distanceTransform([1], { shape: [1, 1, 1] })]).toEqual([0]);
    for (const shape of [[0, 3], [3, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]]) {
      expect(distanceTransform([], { shape })).toHaveLength(0);
    }
  });

  it("counts planes beyond 16 bits", () => {
    const depth = 70_000;
    const mask = new Uint8Array(depth);
    mask[0] = 1;
    const distances = distanceTransform(mask, { shape: [depth, 1, 1], spacing: [0.5, 1, 1] });
    expect(distances[depth - 1]).toBe((depth - 1) / 2);
  });

  it.each([[[4]], [[1, 2, 2, 1]], [[2, 2.5]], [[-1, 4]], [[2, Number.NaN]]])("refuses the shape %j", (shape) => {
    expect(() => distanceTransform([0, 0, 0, 0], { shape })).toThrow(expect.objectContaining({ code: "metrics.shape" }));
  });

  it.each([[[1]], [[1, 0]], [[1, -1]], [[1, Infinity]], [[1, 1, 1]]])("refuses the spacing %j", (spacing) => {
    expect(() => distanceTransform([0, 0, 0, 0], { shape: [2, 2], spacing })).toThrow(
      expect.objectContaining({ code: "metrics.spacing" }),
    );
  });

  it("refuses a mask that does not fill the shape", () => {
    expect(() => distanceTransform([0, 1], { shape: [2, 2] })).toThrow(expect.objectContaining({ code: "metrics.length" }));
  });
});
