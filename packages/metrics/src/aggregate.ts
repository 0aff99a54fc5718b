import { MetricsError } from "./errors.ts";
import type { LabelMapMetrics, MaskMetrics } from "./evaluate.ts";
import { quantile } from "./quantile.ts";

/** Statistics of one metric over cases. Those without enough defined values are undefined. */
export interface Summary {
  /** The number of defined values, over which the statistics are taken. */
  readonly count: number;
  /** The number of cases for which the metric is undefined. */
  readonly undefinedCount: number;
  readonly mean: number | undefined;
  /** Of the sample, with n − 1; needs two values. */
  readonly standardDeviation: number | undefined;
  readonly median: number | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

/**
 * Statistics of one metric.
 *
 * @param values one per case, undefined where the metric is
 * @throws MetricsError `metrics.values` if a value is NaN or infinite
 */
export function summarize(values: readonly (number | undefined)[]): Summary {
  const defined = values.filter((value) => value !== undefined).sort((first, second) => first - second);
  const wrong = defined.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new MetricsError(
      "metrics.values",
      `summarize: expected finite values, got ${wrong}. Pass undefined for a case in which the metric has no value.`,
    );
  }
  const some = defined.length > 0;
  return {
    count: defined.length,
    undefinedCount: values.length - defined.length,
    mean: some ? meanOf(defined) : undefined,
    standardDeviation: sampleStandardDeviation(defined),
    median: some ? quantile(defined, 0.5) : undefined,
    minimum: defined[0],
    maximum: defined.at(-1),
  };
}

/**
 * Statistics of every metric over cases.
 *
 * @param cases at least one, all with the same metrics
 * @throws MetricsError `metrics.cases` without a case or if a case lacks a metric of another, `metrics.values`
 */
export function aggregate<Metrics extends { readonly [Name in keyof Metrics]?: number | undefined }>(
  cases: readonly Metrics[],
): { readonly [Name in keyof Metrics]: Summary } {
  if (cases.length === 0) throw new MetricsError("metrics.cases", "aggregate: expected at least one case, got none.");
  const names = new Set(cases.flatMap((metrics) => Object.keys(metrics) as (keyof Metrics & string)[]));
  const summaries = [...names].map((name) => {
    const lacking = cases.findIndex((metrics) => !(name in metrics));
    if (lacking !== -1) {
      throw new MetricsError(
        "metrics.cases",
        `aggregate: expected the same metrics in every case, but case ${lacking} has no ${name}. ` +
          "Evaluate all cases with the same options.",
      );
    }
    return [name, summarize(cases.map((metrics) => metrics[name]))] as const;
  });
  return Object.fromEntries(summaries) as { [Name in keyof Metrics]: Summary };
}

/** A summary of each metric; those of the surface metrics are absent if the metrics are. */
export type MaskSummaries = { readonly [Name in keyof MaskMetrics]: Summary };

export interface LabelMapSummary {
  /** Over cases, for each class. */
  readonly perClass: readonly { readonly label: number; readonly metrics: MaskSummaries }[];
  /** Over cases, of each case's mean over classes. */
  readonly mean: MaskSummaries;
}

/**
 * Statistics over cases of what {@link evaluateLabelMaps} returned.
 *
 * @param cases at least one, all with the same classes and metrics
 * @throws MetricsError `metrics.cases` and as {@link aggregate}
 */
export function aggregateLabelMaps(cases: readonly LabelMapMetrics[]): LabelMapSummary {
  const mean = aggregate(cases.map((metrics) => metrics.mean));
  const labels = cases[0]!.perClass.map(({ label }) => label);
  for (const { perClass } of cases) {
    const others = perClass.map(({ label }) => label);
    if (others.join() !== labels.join()) {
      throw new MetricsError(
        "metrics.cases",
        `aggregateLabelMaps: expected the classes [${labels.join(", ")}] in every case, got [${others.join(", ")}].`,
      );
    }
  }
  const perClass = labels.map((label, index) => ({
    label,
    metrics: aggregate(cases.map((metrics) => metrics.perClass[index]!.metrics)),
  }));
  return { perClass, mean };
}

/** The arithmetic mean of at least one value. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** The standard deviation with n − 1, or undefined below two values. */
export function sampleStandardDeviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / (values.length - 1));
}
