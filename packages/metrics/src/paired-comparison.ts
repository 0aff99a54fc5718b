import { meanOf, sampleStandardDeviation } from "./aggregate.ts";
import { MetricsError } from "./errors.ts";
import { quantile } from "./quantile.ts";
import { wilcoxonSignedRank, type WilcoxonResult } from "./wilcoxon.ts";

export interface PairedComparisonOptions {
  /** Uniform numbers in [0, 1), seeded, for the bootstrap; without it there is no interval. */
  readonly random?: (() => number) | undefined;
  /** Bootstrap resamples, 10 000 if absent. */
  readonly resamples?: number | undefined;
  /** False for distances, where a smaller value is an improvement; true if absent. */
  readonly higherIsBetter?: boolean | undefined;
}

/** How a metric changed per case, as candidate − baseline. */
export interface PairedComparison {
  /** The number of cases in which both have a value, over which everything else is taken. */
  readonly count: number;
  /** The number of cases left out because one of the two is undefined. */
  readonly undefinedCount: number;
  /** Undefined without cases. */
  readonly meanDifference: number | undefined;
  /** Of the differences, with n − 1; undefined below two cases. */
  readonly standardDeviation: number | undefined;
  /** 95 % percentile-bootstrap interval of the mean difference; undefined without cases or without `random`. */
  readonly interval: readonly [low: number, high: number] | undefined;
  readonly wilcoxon: WilcoxonResult;
  readonly improvedCount: number;
  readonly worsenedCount: number;
}

/**
 * Compares a metric of the same cases under two methods, such as prior and refined mask.
 *
 * @param baseline one value per case, undefined where the metric is
 * @param candidate likewise, in the same order
 * @throws MetricsError `metrics.length`, `metrics.values`, `metrics.resamples`
 */
export function pairedComparison(
  baseline: readonly (number | undefined)[],
  candidate: readonly (number | undefined)[],
  { random, resamples = 10_000, higherIsBetter = true }: PairedComparisonOptions = {},
): PairedComparison {
  if (baseline.length !== candidate.length) {
    throw new MetricsError(
      "metrics.length",
      `pairedComparison: expected as many candidate as baseline values, got ${candidate.length} and ${baseline.length}. ` +
        "Pass undefined for a case without a value.",
    );
  }
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new MetricsError("metrics.resamples", `pairedComparison: expected at least one resample, got ${resamples}.`);
  }
  const differences = baseline.flatMap((before, index) => {
    const after = candidate[index];
    return before === undefined || after === undefined ? [] : [after - before];
  });
  if (!differences.every(Number.isFinite)) {
    throw new MetricsError("metrics.values", "pairedComparison: expected finite values, got NaN or an infinite one.");
  }
  const some = differences.length > 0;
  const risen = differences.filter((difference) => difference > 0).length;
  const fallen = differences.filter((difference) => difference < 0).length;
  return {
    count: differences.length,
    undefinedCount: baseline.length - differences.length,
    meanDifference: some ? meanOf(differences) : undefined,
    standardDeviation: sampleStandardDeviation(differences),
    interval: some && random !== undefined ? bootstrapInterval(differences, resamples, random) : undefined,
    wilcoxon: wilcoxonSignedRank(differences),
    improvedCount: higherIsBetter ? risen : fallen,
    worsenedCount: higherIsBetter ? fallen : risen,
  };
}

/** The percentile interval of the mean (Efron & Tibshirani 1993, section 13.3). */
function bootstrapInterval(values: readonly number[], resamples: number, random: () => number): [number, number] {
  const means = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    let total = 0;
    for (let draw = 0; draw < values.length; draw++) total += values[Math.floor(random() * values.length)]!;
    means[resample] = total / values.length;
  }
  means.sort();
  return [quantile(means, 0.025), quantile(means, 0.975)];
}
