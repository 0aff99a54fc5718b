import { describe, expect, it } from "vitest";
import { pairedComparison } from "./paired-comparison.ts";
import { seededRandom } from "./testing/masks.ts";

describe("pairedComparison", () => {
  it("describes candidate minus baseline and leaves undefined pairs out", () => {
    const comparison = pairedComparison([1, 5, undefined, 3, 2], [2, 4, 9, undefined, 5]);
    expect(comparison).toMatchObject({
      count: 3,
      undefinedCount: 2,
      meanDifference: 1,
      standardDeviation: 2,
      interval: undefined,
      improvedCount: 2,
      worsenedCount: 1,
    });
  });

  it("counts a smaller distance as an improvement if told so", () => {
    const comparison = pairedComparison([5, 4, 3], [1, 4, 4], { higherIsBetter: false });
    expect(comparison).toMatchObject({ improvedCount: 1, worsenedCount: 1, count: 3 });
  });

  it("has a bootstrap interval that follows the normal theory and the seed", () => {
    const random = seededRandom(5);
    const after = Array.from({ length: 200 }, () => random());
    const before = after.map(() => 0);
    const first = pairedComparison(before, after, { random: seededRandom(6), resamples: 4000 });
    const second = pairedComparison(before, after, { random: seededRandom(6), resamples: 4000 });
    expect(second).toEqual(first);
    const halfWidth = (1.96 * first.standardDeviation!) / Math.sqrt(200);
    const [low, high] = first.interval!;
    // A 2.5 % quantile from 4000 resamples has a standard error of 0.04 half widths.
    expect(Math.abs(low - (first.meanDifference! - halfWidth))).toBeLessThan(0.2 * halfWidth);
    expect(Math.abs(high - (first.meanDifference! + halfWidth))).toBeLessThan(0.2 * halfWidth);
  });

  it("has a degenerate interval for one case and none for no case", () => {
    const random = seededRandom(7);
    expect(pairedComparison([1], [3], { random }).interval).toEqual([2, 2]);
    expect(pairedComparison([undefined], [3], { random })).toMatchObject({
      count: 0,
      undefinedCount: 1,
      meanDifference: undefined,
      interval: undefined,
      wilcoxon: { pValue: 1 },
    });
  });

  it("refuses different lengths, NaN and no resamples", () => {
    expect(() => pairedComparison([1], [1, 2])).toThrow(expect.objectContaining({ code: "metrics.length" }));
    expect(() => pairedComparison([Number.NaN], [1])).toThrow(expect.objectContaining({ code: "metrics.values" }));
    expect(() => pairedComparison([1], [1], { resamples: 0 })).toThrow(
      expect.objectContaining({ code: "metrics.resamples" }),
    );
  });
});
