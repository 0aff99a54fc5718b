import { boxPlot } from "../page/chart/box-plot.ts";
import type { Comparison, MetricComparison } from "./statistics.ts";

/**
 * A metric's values as box plots, a row a method.
 *
 * @param standalone whether the SVG is a file of its own and not a part of the page
 */
export function methodBoxPlot({ methods, cases }: Comparison, { metric, values }: MetricComparison, width: number, standalone: boolean = false): string {
  const title = `${metric.label} of ${cases.length} cases: ${methods.map(({ name }) => name).join("; ")}`;
  const rows = methods.map(({ name, refined }, place) => ({ name, colour: refined ? 1 : 0, values: values[place]!, cases }));
  return boxPlot({ title, label: metric.label, rows }, width, standalone);
}
