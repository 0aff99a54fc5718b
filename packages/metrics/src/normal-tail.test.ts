import { describe, expect, it } from "vitest";
import { twoSidedNormalTail } from "./normal-tail.ts";

describe("twoSidedNormalTail", () => {
  // SciPy 1.17, 2 * scipy.stats.norm.sf(z).
  it.each([
    [0, 1],
    [0.5, 0.6170750774519738],
    [1, 0.31731050786291415],
    [1.96, 0.04999579029644087],
    [2.999, 0.0027086730674542115],
    [3.001, 0.0026909456501699306],
    [5, 5.733031437583866e-7],
    [10, 1.523970604832094e-23],
    [30, 9.813427854295816e-198],
  ])("at %d", (z, expected) => {
    // Near 3 the subtraction from 1 costs three of float64's sixteen digits.
    expect(Math.abs(twoSidedNormalTail(z) / expected - 1)).toBeLessThan(1e-12);
    expect(twoSidedNormalTail(-z)).toBe(twoSidedNormalTail(z));
  });
});
