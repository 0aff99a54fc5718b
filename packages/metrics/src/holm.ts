import { MetricsError } from "./errors.ts";

/**
 * Adjusts the p-values of several tests (Holm 1979): rejecting where the adjusted value is at most α keeps the probability
 * of any false rejection at most α, whatever the tests have in common.
 *
 * @param pValues one a test, in [0, 1]
 * @returns in the same order, in [0, 1]
 * @throws MetricsError `metrics.values` for anything else
 */
export function holmAdjust(pValues: readonly number[]): number[] {
  const wrong = pValues.find((value) => !(value >= 0 && value <= 1));
  if (wrong !== undefined) throw new MetricsError("metrics.values", `holmAdjust: expected p-values in [0, 1], got ${wrong}.`);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  [...pValues.keys()]
    .sort((a, b) => pValues[a]! - pValues[b]!)
    .forEach((test, rank) => {
      largest = Math.max(largest, Math.min(1, pValues[test]! * (pValues.length - rank)));
      adjusted[test] = largest;
    });
  return adjusted;
}
