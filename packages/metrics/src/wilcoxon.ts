import { twoSidedNormalTail } from "./normal-tail.ts";

export interface WilcoxonResult {
  /** The smaller of the rank sums of the positive and of the negative differences. */
  readonly statistic: number;
  /** Two-sided; 1 if no difference is left. */
  readonly pValue: number;
  readonly method: "exact" | "normal";
}

const largestExactCount = 25;

/**
 * The Wilcoxon signed-rank test of differences against symmetry about zero.
 *
 * Zero differences are left out (Wilcoxon 1945) and tied magnitudes share their mean rank. Up to 25 differences without
 * ties the p-value is exact; otherwise it is the normal approximation with the tie correction of the variance and
 * without a continuity correction.
 *
 * @param differences finite
 */
export function wilcoxonSignedRank(differences: readonly number[]): WilcoxonResult {
  const nonZero = differences.filter((difference) => difference !== 0).sort((a, b) => Math.abs(a) - Math.abs(b));
  const count = nonZero.length;
  let positive = 0;
  let tieCorrection = 0;
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && Math.abs(nonZero[end]!) === Math.abs(nonZero[start]!)) end++;
    const rank = (start + 1 + end) / 2;
    for (let index = start; index < end; index++) if (nonZero[index]! > 0) positive += rank;
    tieCorrection += (end - start) ** 3 - (end - start);
    start = end;
  }
  const total = (count * (count + 1)) / 2;
  const statistic = Math.min(positive, total - positive);
  if (count <= largestExactCount && tieCorrection === 0) {
    return { statistic, pValue: exactPValue(statistic, count), method: "exact" };
  }
  const variance = (count * (count + 1) * (2 * count + 1)) / 24 - tieCorrection / 48;
  return { statistic, pValue: twoSidedNormalTail((statistic - total / 2) / Math.sqrt(variance)), method: "normal" };
}

/** Twice the share of the 2ⁿ sign patterns whose rank sum is at most `statistic`, at most 1. */
function exactPValue(statistic: number, count: number): number {
  const patterns = new Float64Array((count * (count + 1)) / 2 + 1);
  patterns[0] = 1;
  for (let rank = 1; rank <= count; rank++) {
    for (let sum = patterns.length - 1; sum >= rank; sum--) patterns[sum]! += patterns[sum - rank]!;
  }
  const atMost = patterns.subarray(0, statistic + 1).reduce((total, value) => total + value, 0);
  return Math.min(1, (2 * atMost) / 2 ** count);
}
