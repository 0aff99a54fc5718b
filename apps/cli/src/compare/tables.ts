import { formatDifference, formatProbability, formatSummary } from "../evaluate/tables.ts";
import { formatCsv } from "../files/csv.ts";
import type { Comparison, MethodPair, MetricComparison } from "./statistics.ts";

const none = "–";

/** The header of {@link methodRows}. */
export function methodHeader({ metrics }: Comparison): string[] {
  return ["", ...shown(metrics).map(({ metric }) => metric.label)];
}

/** A row a method: its mean and standard deviation over the cases, for every metric that is shown; the best ones are marked. */
export function methodRows({ methods, metrics }: Comparison, mark: (cell: string) => string): string[][] {
  return methods.map(({ name }, place) => [
    name,
    ...shown(metrics).map(({ metric, summaries, best }) => {
      const cell = formatSummary(summaries[place]!, metric.decimals);
      return place === best ? mark(cell) : cell;
    }),
  ]);
}

export const pairHeader: readonly string[] = ["", "Difference", "95 % interval", "Better in", "Worse in", "p", "p (Holm)"];

/** A row a pair of methods, under {@link pairHeader}. */
export function pairRows({ methods }: Comparison, { metric }: MetricComparison, pairs: readonly MethodPair[]): string[][] {
  return pairs.map(({ first, second, comparison, adjustedP }) => {
    const { meanDifference, interval, improvedCount, worsenedCount, count, wilcoxon } = comparison;
    return [
      `${methods[first]!.name} → ${methods[second]!.name}`,
      formatDifference(meanDifference, metric.decimals),
      interval === undefined ? none : interval.map((end) => formatDifference(end, metric.decimals)).join(" … "),
      String(improvedCount),
      String(worsenedCount),
      formatProbability(count === 0 ? undefined : wilcoxon.pValue),
      formatProbability(adjustedP),
    ];
  });
}

/** The pairs that answer a question of their own: what each refinement changes, and how each method stands to the best. */
export function tellingPairs({ methods }: Comparison, { best, pairs }: MetricComparison): MethodPair[] {
  return pairs.filter(({ first, second }) => methods[first]!.model === methods[second]!.model || first === best || second === best);
}

function shown(metrics: readonly MetricComparison[]): MetricComparison[] {
  return metrics.filter(({ metric }) => metric.shown);
}

/** A line a case and method: every metric. */
export function valuesCsv({ methods, cases, metrics }: Comparison): string {
  const header = ["image", "model", "refined", ...metrics.map(({ metric }) => metric.column)];
  const rows = cases.flatMap((id, index) =>
    methods.map(({ model, refined }, place) => [id, model, refined, ...metrics.map(({ values }) => values[place]![index])]),
  );
  return formatCsv(header, rows);
}

/** A line a metric and pair of methods. */
export function pairsCsv({ methods, metrics }: Comparison): string {
  const header = ["metric", "first", "second", "images", "mean_difference", "interval_low", "interval_high", "better", "worse", "p", "p_holm"];
  const rows = metrics.flatMap(({ metric, pairs }) =>
    pairs.map(({ first, second, comparison, adjustedP }) => [
      metric.column,
      methods[first]!.name,
      methods[second]!.name,
      comparison.count,
      comparison.meanDifference,
      ...(comparison.interval ?? [undefined, undefined]),
      comparison.improvedCount,
      comparison.worsenedCount,
      comparison.count === 0 ? undefined : comparison.wilcoxon.pValue,
      adjustedP,
    ]),
  );
  return formatCsv(header, rows);
}
