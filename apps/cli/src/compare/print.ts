import type { Output } from "../terminal/output.ts";
import { formatTable } from "../terminal/table.ts";
import type { Comparison } from "./statistics.ts";
import { methodHeader, methodRows, pairHeader, pairRows, tellingPairs } from "./tables.ts";

/** Prints the comparison for people: all methods, and of Dice the pairs that matter. */
export function printComparison(output: Output, comparison: Comparison, title: string): void {
  const { bold, dim, green } = output.colours;
  output.print(bold(title));
  output.print(formatTable(methodHeader(comparison), methodRows(comparison, (cell) => green(`${cell} *`))));
  output.print(dim("Mean ± standard deviation; * the best mean."));
  const dice = comparison.metrics.find(({ metric }) => metric.name === "dice")!;
  output.print(bold("\nDice: what refinement changes, and all methods against the best"));
  output.print(formatTable(pairHeader, pairRows(comparison, dice, tellingPairs(comparison, dice))));
  output.print(dim("Bootstrap interval of the mean difference; Wilcoxon signed-rank test, also adjusted for all pairs by Holm's method."));
}
