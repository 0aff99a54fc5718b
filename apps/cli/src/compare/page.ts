import { htmlDocument } from "../page/document.ts";
import { escapeHtml, htmlTable } from "../page/html.ts";
import { methodBoxPlot } from "./box-plot.ts";
import type { Comparison, MetricComparison } from "./statistics.ts";
import { methodHeader, methodRows, pairHeader, pairRows } from "./tables.ts";

/** What the page tells besides the numbers. */
interface PageContent {
  readonly comparison: Comparison;
  readonly dataset: string;
  readonly split: string;
  /** What is scored, in the plural. */
  readonly units: string;
  /** Name and value of what someone needs to know to repeat it. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** The comparison as one self-contained page. */
export function comparisonPage({ comparison, dataset, split, units, facts }: PageContent): string {
  const { cases, metrics } = comparison;
  const shown = metrics.filter(({ metric }) => metric.shown);
  const title = `${dataset}: segmentors with and without refinement`;
  const rows = facts.map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`);
  return htmlDocument(
    title,
    `<header><h1>${escapeHtml(title)}</h1>
<p class="soft">${cases.length} ${escapeHtml(units)} of the ${escapeHtml(split)} split. Mean ± standard deviation; the best mean of each metric is marked by ★.</p></header>
<div class="card wrapping">${htmlTable(methodHeader(comparison), unbroken(methodRows(comparison, (cell) => `★ ${cell}`)))}</div>
${shown.map((metric) => metricSection(comparison, metric)).join("\n")}
<h2>How this was made</h2>
<div class="card scroll"><table><tbody>${rows.join("")}</tbody></table></div>`,
  );
}

/** Where there is little space, names break anywhere, and numbers before their ± only. */
function unbroken(rows: readonly (readonly string[])[]): string[][] {
  return rows.map(([name = "", ...cells]) => [name, ...cells.map((cell) => cell.replaceAll(/ (?!±)/g, "\u00a0"))]);
}

function metricSection(comparison: Comparison, metric: MetricComparison): string {
  const { label, higherIsBetter } = metric.metric;
  return `<h2>${escapeHtml(label)}</h2>
<p class="soft">${higherIsBetter ? "Higher" : "Lower"} is better. Grey: the segmentor's own masks; blue: refined.</p>
<div class="card"><div class="wide">${methodBoxPlot(comparison, metric, 1060)}</div><div class="narrow">${methodBoxPlot(comparison, metric, 340)}</div></div>
<details class="card wrapping"><summary>All pairs</summary>${htmlTable(pairHeader, unbroken(pairRows(comparison, metric, metric.pairs)))}
<p class="soft small">Mean difference with a bootstrap interval; p of the Wilcoxon signed-rank test over the cases, and adjusted for all pairs by Holm's method.</p></details>`;
}
