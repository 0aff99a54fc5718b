import { describe, expect, it } from "vitest";
import { seededRandom } from "./testing/masks.ts";
import { wilcoxonSignedRank } from "./wilcoxon.ts";

/** The share of all sign patterns of the ranks 1 … n that are at least as far from the middle. */
function enumerate(differences: readonly number[]): number {
  const sorted = differences.toSorted((a, b) => Math.abs(a) - Math.abs(b));
  const middle = (sorted.length * (sorted.length + 1)) / 4;
  const observed = sorted.reduce((total, value, index) => total + (value > 0 ? index + 1 : 0), 0);
  let extreme = 0;
  for (let pattern = 0; pattern < 2 ** sorted.length; pattern++) {
    const sum = sorted.reduce((total, _, index) => total + ((pattern >> index) & 1) * (index + 1), 0);
    if (Math.abs(sum - middle) >= Math.abs(observed - middle)) extreme++;
  }
  return extreme / 2 ** sorted.length;
}

describe("wilcoxonSignedRank", () => {
  it("is exact for few differences without ties", () => {
    const random = seededRandom(4);
    for (let count = 1; count <= 12; count++) {
      const differences = Array.from({ length: count }, () => random() - 0.4);
      const { pValue, method } = wilcoxonSignedRank(differences);
      expect(method).toBe("exact");
      expect(pValue).toBe(enumerate(differences));
    }
  });

  // The expected values of the next three: SciPy 1.17, scipy.stats.wilcoxon(zero_method="wilcox", correction=False).
  it("gives SciPy's exact p-value", () => {
    const result = wilcoxonSignedRank([0.31, -0.12, 0.05, 0.44, 0.27, -0.02, 0.19, 0.33]);
    expect(result).toEqual({ statistic: 4, pValue: 0.0546875, method: "exact" });
  });

  it("corrects the normal approximation for ties and leaves zeros out", () => {
    const { statistic, pValue, method } = wilcoxonSignedRank([1, 2, 2, -1, 3, 0, 4, -2, 5, 5, 1]);
    expect([statistic, method]).toEqual([7, "normal"]);
    expect(pValue).toBeCloseTo(0.035564379058193644, 12);
  });

  it("approximates for more than 25 differences", () => {
    const differences = Array.from({ length: 30 }, (_, index) => (((index * 7919) % 61) - 25) / 10 + 0.001 * index);
    const { statistic, pValue, method } = wilcoxonSignedRank(differences);
    expect([statistic, method]).toEqual([167, "normal"]);
    expect(pValue).toBeCloseTo(0.17790738330384115, 12);
  });

  it("finds nothing in no differences", () => {
    for (const differences of [[], [0, 0]]) {
      expect(wilcoxonSignedRank(differences)).toEqual({ statistic: 0, pValue: 1, method: "exact" });
    }
  });
});
