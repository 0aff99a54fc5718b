import type { Summary } from "@hidiff/metrics";
import type { EvaluationReport, SmallObjectScores } from "hidiff";
import { formatCsv } from "../files/csv.ts";
import { presentMetrics } from "./metrics.ts";
import type { ClassSummaries, MetricSummary } from "./summary.ts";

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
  return summaries.filter(({ metric }) => metric.shown).map((summary) => [summary.metric.label, ...comparisonCells(summary)]);
}

function comparisonCells({ metric, prior, refined, comparison }: MetricSummary): string[] {
  return [
    formatSummary(prior, metric.decimals),
    formatSummary(refined, metric.decimals),
    formatDifference(comparison.meanDifference, metric.decimals),
    comparison.interval === undefined ? none : comparison.interval.map((end) => formatDifference(end, metric.decimals)).join(" … "),
    formatProbability(comparison.count === 0 ? undefined : comparison.wilcoxon.pValue),
  ];
}

/** The metrics that are shown class by class. */
const perClassMetrics: readonly string[] = ["dice", "hausdorffDistance95"];

/** A row per class, under {@link comparisonHeader}, for each metric that is shown so. */
export function classTables(classes: readonly ClassSummaries[]): { readonly label: string; readonly rows: string[][] }[] {
  const metrics = classes[0]!.summaries.map(({ metric }) => metric).filter(({ name }) => perClassMetrics.includes(name));
  return metrics.map(({ name, label }) => ({
    label,
    rows: classes.map((found) => [found.name, ...comparisonCells(found.summaries.find(({ metric }) => metric.name === name)!)]),
  }));
}

export const smallObjectHeader: readonly string[] = ["", "Objects", "Found: prior", "refined", "Invented: prior", "refined", "Dice: prior", "refined"];

/** A row per class, under {@link smallObjectHeader}, of one seed's report; none without small objects. */
export function smallObjectRows({ perClass }: EvaluationReport): string[][] {
  return perClass.flatMap(({ name, smallObjects }) => {
    if (smallObjects === undefined) return [];
    const { prior, refined } = smallObjects;
    const both = (show: (scores: SmallObjectScores) => string): string[] => [show(prior), show(refined)];
    return [
      [
        name,
        String(prior.count),
        ...both(({ detectedCount }) => String(detectedCount)),
        ...both(({ spuriousCount }) => String(spuriousCount)),
        ...both(({ metrics }) => metrics.dice?.toFixed(4) ?? none),
      ],
    ];
  });
}

/**
 * A line per image and seed: every metric of the segmentor's own mask and of the refined one. With several classes a line
 * per class, too, which the column `class` names; `mean` is the mean over the classes.
 */
export function metricsCsv(reports: readonly EvaluationReport[]): string {
  const metrics = presentMetrics(reports[0]!.cases[0]!.prior);
  const several = reports[0]!.classes.length > 1;
  const header = ["seed", "image", ...(several ? ["class"] : []), ...["prior", "refined"].flatMap((which) => metrics.map(({ column }) => `${which}_${column}`))];
  const rows = reports.flatMap(({ seed, cases }) =>
    cases.flatMap((scores) => {
      const lines = several ? [...scores.perClass, { name: "mean", prior: scores.prior, refined: scores.refined }] : [{ name: "", ...scores }];
      return lines.map(({ name, prior, refined }) => [
        seed,
        scores.id,
        ...(several ? [name] : []),
        ...[prior, refined].flatMap((found) => metrics.map((metric) => found[metric.name])),
      ]);
    }),
  );
  return formatCsv(header, rows);
}

/** A line per image, seed and class: how many small objects there are, are found and are invented, and their mean scores. */
export function smallObjectsCsv(reports: readonly EvaluationReport[]): string {
  const columns = ["detected", "spurious", "dice", "iou", "recall", "precision", "hd95"] as const;
  const values = ({ detectedCount, spuriousCount, metrics }: SmallObjectScores): (number | undefined)[] => [
    detectedCount,
    spuriousCount,
    metrics.dice,
    metrics.intersectionOverUnion,
    metrics.recall,
    metrics.precision,
    metrics.hausdorffDistance95,
  ];
  const header = ["seed", "image", "class", "objects", ...["prior", "refined"].flatMap((which) => columns.map((column) => `${which}_${column}`))];
  const rows = reports.flatMap(({ seed, cases }) =>
    cases.flatMap(({ id, perClass }) =>
      perClass.flatMap(({ name, smallObjects }) =>
        smallObjects === undefined ? [] : [[seed, id, name, smallObjects.prior.count, ...values(smallObjects.prior), ...values(smallObjects.refined)]],
      ),
    ),
  );
  return formatCsv(header, rows);
}
