import type { EvaluationReport, SkippedCase } from "hidiff";
import type { Output } from "../terminal/output.ts";
import { formatTable } from "../terminal/table.ts";
import type { ClassSummaries, MetricSummary } from "./summary.ts";
import { classTables, comparisonHeader, comparisonRows, formatSummary, smallObjectHeader, smallObjectRows } from "./tables.ts";

interface PrintedReport {
  readonly reports: readonly EvaluationReport[];
  readonly summaries: readonly MetricSummary[];
  readonly classes: readonly ClassSummaries[];
  readonly skipped: readonly SkippedCase[];
  readonly sizeThreshold: number | undefined;
  /** What is scored, in the singular. */
  readonly unit: string;
}

/** Prints the scores for people. */
export function printReport(output: Output, { reports, summaries, classes, skipped, sizeThreshold, unit }: PrintedReport): void {
  const { bold, dim } = output.colours;
  const { dataset, split, cases } = reports[0]!;
  const count = (number: number): string => `${number} ${unit}${number === 1 ? "" : "s"}`;
  output.print(bold(`${dataset}, ${split} split: ${count(cases.length)}`));
  if (classes.length > 1) {
    for (const { label, rows } of classTables(classes)) {
      output.print(formatTable([label, ...comparisonHeader.slice(1)], rows));
      output.print();
    }
    output.print(dim(`Mean over the ${classes.length} classes:`));
  }
  output.print(formatTable(comparisonHeader, comparisonRows(summaries)));
  output.print(dim(`Mean ± standard deviation over ${unit}s; bootstrap interval of the mean difference; Wilcoxon signed-rank test.`));
  const dice = summaries.find(({ metric }) => metric.name === "dice")!;
  output.print(`Dice rose in ${dice.comparison.improvedCount} and fell in ${dice.comparison.worsenedCount} of ${count(dice.comparison.count)}.`);
  if (reports.length > 1) {
    const seeds = reports.map(({ seed }) => seed).join(", ");
    output.print(`Mean refined Dice over the seeds ${seeds}: ${formatSummary(dice.seeds, dice.metric.decimals)}`);
  }
  if (sizeThreshold !== undefined) {
    output.print(bold(`\nObjects of fewer than ${sizeThreshold} pixels${reports.length === 1 ? "" : `, seed ${reports[0]!.seed}`}`));
    output.print(formatTable(smallObjectHeader, smallObjectRows(reports[0]!)));
  }
  for (const { id, reason } of skipped) output.print(`Skipped ${id}: ${reason}`);
}
