import { describe, expect, it } from "vitest";
import { holmAdjust } from "./holm.ts";

describe("holmAdjust", () => {
  it("multiplies the smallest by the number of tests, the next by one less, and never falls", () => {
    // By hand, and as R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    const adjusted = holmAdjust([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((expected, test) => expect(adjusted[test]).toBeCloseTo(expected, 12));
  });

  it("stays at most 1, keeps ties equal and leaves one test alone", () => {
    expect(holmAdjust([0.9, 0.8, 0.7])).toEqual([1, 1, 1]);
    expect(holmAdjust([0.25, 0.25])).toEqual([0.5, 0.5]);
    expect(holmAdjust([0.2])).toEqual([0.2]);
    expect(holmAdjust([])).toEqual([]);
  });

  // The closed test of Bonferroni tests is Holm's (Marcus, Peritz & Gabriel 1976): a hypothesis is rejected if every set of
  // hypotheses with it is rejected by Bonferroni.
  it("equals the closed testing procedure", () => {
    const pValues = [0.013, 0.4, 0.0021, 0.03, 0.013];
    const subsets = Array.from({ length: 2 ** pValues.length }, (_, bits) => pValues.map((_, test) => test).filter((test) => (bits >> test) % 2 === 1));
    const closed = pValues.map((_, test) =>
      Math.max(...subsets.filter((subset) => subset.includes(test)).map((subset) => Math.min(1, subset.length * Math.min(...subset.map((other) => pValues[other]!))))),
    );
    holmAdjust(pValues).forEach((value, test) => expect(value).toBeCloseTo(closed[test]!, 12));
  });

  it("refuses what is no probability", () => {
    for (const value of [-0.1, 1.1, Number.NaN]) expect(() => holmAdjust([0.5, value])).toThrow(`got ${value}`);
  });
});
