import type { Summary } from "@hidiff/metrics";
import type { EvaluationReport } from "hidiff";
import { formatCsv } from "../files/csv.ts";
import { presentMetrics } from "./metrics.ts";
import type { MetricSummary } from "./summary.ts";

/** What stands where there is no value. */
const none = "–";

/** "0.8123 ± 0.0200", mean and standard deviation over images. */
export function formatSummary({ mean, standardDeviation, undefinedCount }: Summary, decimals: number): string {
  if (mean === undefined) return none;
  const spread = standardDeviation === undefined ? "" : ` ± ${standardDeviation.toFixed(decimals)}`;
  return `${mean.toFixed(decimals)}${spread}${undefinedCount === 0 ? "" : ` (${undefinedCount} without)`}`;
}

/** "+0.0105", with a true minus sign, and none at a zero. */
export function formatDifference(value: number | undefined, decimals: number): string {
  if (value === undefined) return none;
  const text = Math.abs(value).toFixed(decimals);
  const sign = Number(text) === 0 ? "" : value < 0 ? "−" : "+";
  return sign + text;
}

/** A p-value: "0.0123", "< 0.0001". */
export function formatProbability(value: number | undefined): string {
  if (value === undefined) return none;
  return value < 0.0001 ? "< 0.0001" : value.toFixed(4);
}

export const comparisonHeader: readonly string[] = ["", "Prior", "Refined", "Difference", "95 % interval", "p"];

/** A row per metric, under {@link comparisonHeader}. */
export function comparisonRows(summaries: readonly MetricSummary[]): string[][] {
  return summaries
    .filter(({ metric }) => metric.shown)
    .map(({ metric, prior, refined, comparison }) => [
      metric.label,
      formatSummary(prior, metric.decimals),
      formatSummary(refined, metric.decimals),
      formatDifference(comparison.meanDifference, metric.decimals),
      comparison.interval === undefined ? none : comparison.interval.map((end) => formatDifference(end, metric.decimals)).join(" … "),
      formatProbability(comparison.count === 0 ? undefined : comparison.wilcoxon.pValue),
    ]);
}

/** A line per image and seed: every metric of the segmentor's own mask and of the refined one. */
export function metricsCsv(reports: readonly EvaluationReport[]): string {
  const metrics = presentMetrics(reports[0]!.cases[0]!.prior);
  const header = ["seed", "image", ...["prior", "refined"].flatMap((which) => metrics.map(({ column }) => `${which}_${column}`))];
  const rows = reports.flatMap(({ seed, cases }) =>
    cases.map(({ id, prior, refined }) => [seed, id, ...[prior, refined].flatMap((scores) => metrics.map(({ name }) => scores[name]))]),
  );
  return formatCsv(header, rows);
}
