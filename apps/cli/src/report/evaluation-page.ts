import { summarize } from "@hidiff/metrics";
import type { CalibrationReport, EvaluationReport, SkippedCase } from "hidiff";
import type { MetricDescription } from "../evaluate/metrics.ts";
import type { ClassSummaries, MetricSummary } from "../evaluate/summary.ts";
import { classTables, comparisonHeader, comparisonRows, formatDifference, formatProbability, formatSummary, smallObjectHeader, smallObjectRows } from "../evaluate/tables.ts";
import { boxPlot } from "../page/chart/box-plot.ts";
import { differencePlot } from "../page/chart/difference-plot.ts";
import { halfWidth, responsiveChart } from "../page/chart/size.ts";
import { htmlDocument } from "../page/document.ts";
import { escapeHtml, htmlFacts, htmlNumber, htmlTable } from "../page/html.ts";
import { sortTables } from "../page/sort-tables.ts";
import { errorColours } from "../pictures/error-map.ts";
import { calibrationSection } from "./calibration-section.ts";
import { caseCard } from "./case-card.ts";
import { caseTable } from "./case-table.ts";
import type { CaseView } from "./case-views.ts";

/** What the report of an evaluation tells. */
export interface EvaluationPageContent {
  readonly model: string;
  /** One a seed, of the same cases. */
  readonly reports: readonly EvaluationReport[];
  readonly summaries: readonly MetricSummary[];
  readonly classes: readonly ClassSummaries[];
  readonly calibration: CalibrationReport;
  readonly views: readonly CaseView[];
  /** The colours of several classes in the pictures, by name. */
  readonly colours: readonly (readonly [name: string, colour: string])[];
  readonly skipped: readonly SkippedCase[];
  /** What is scored, in the singular. */
  readonly unit: string;
  /** Of distances. */
  readonly distanceUnit: "mm" | "pixels";
  readonly sizeThreshold: number | undefined;
  /** Name and value of what someone needs to know to repeat it. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly command: string;
}

/** The report of an evaluation as one self-contained page. */
export function evaluationPage(content: EvaluationPageContent): string {
  const { dataset, split } = content.reports[0]!;
  const parts = [introduction(content), scores(content), distributions(content), changes(content), calibrationSection(content.calibration, content.classes.length > 1)];
  return htmlDocument(`${content.model} on ${dataset}, ${split} split`, [...parts, cases(content), allCases(content), making(content)].join("\n"), sortTables);
}

function introduction({ model, reports, summaries, unit }: EvaluationPageContent): string {
  const { dataset, split, cases: scored } = reports[0]!;
  const { metric, prior, refined, comparison } = summaries.find(({ metric: { name } }) => name === "dice")!;
  const { meanDifference, interval, improvedCount, count, wilcoxon } = comparison;
  const show = (value: number | undefined): string => value?.toFixed(metric.decimals) ?? "–";
  const range = interval === undefined ? "" : ` (95 % interval ${interval.map((end) => formatDifference(end, metric.decimals)).join(" … ")})`;
  // A difference that may as well be none is neither good nor bad.
  const tone = interval === undefined || interval[0] * interval[1] <= 0 ? undefined : interval[0] < 0 ? "bad" : "good";
  return `<header>
<h1>${escapeHtml(model)} on ${escapeHtml(dataset)}</h1>
<p class="lead">The segmentor's own masks (the <b>prior</b>) against the <b>refined</b> ones, on ${scored.length} ${unit}${scored.length === 1 ? "" : "s"} of the ${split} split.</p>
<div class="numbers">
${htmlNumber(show(prior.mean), "Dice of the prior")}
${htmlNumber(show(refined.mean), "Dice after refinement")}
${htmlNumber(formatDifference(meanDifference, metric.decimals), `mean change${range}`, tone)}
${htmlNumber(`${improvedCount} of ${count}`, `${unit}s improved (Wilcoxon p ${formatP(count === 0 ? undefined : wilcoxon.pValue)})`)}
</div>
</header>`;
}

function formatP(value: number | undefined): string {
  const text = formatProbability(value);
  return text.startsWith("<") ? text : `= ${text}`;
}

function scores({ reports, summaries, classes, unit, distanceUnit, sizeThreshold }: EvaluationPageContent): string {
  const several = classes.length > 1;
  const perClass = several ? classTables(classes).map(({ label, rows }) => `<div class="card"><h3>${escapeHtml(label)} by class</h3>${htmlTable(comparisonHeader, rows)}</div>`) : [];
  const dice = summaries.find(({ metric }) => metric.name === "dice")!;
  const seeds =
    reports.length === 1
      ? ""
      : ` A case's value is its mean over the seeds ${reports.map(({ seed }) => seed).join(", ")}; the mean refined Dice over the seeds is ${formatSummary(dice.seeds, dice.metric.decimals)}.`;
  const distances = summaries.some(({ metric }) => !metric.higherIsBetter) ? ` HD95 and ASSD are distances in ${distanceUnit}: smaller is better.` : "";
  const small =
    sizeThreshold === undefined
      ? ""
      : `<div class="card"><h3>Objects of fewer than ${sizeThreshold} pixels${reports.length === 1 ? "" : `, seed ${reports[0]!.seed}`}</h3>${htmlTable(smallObjectHeader, smallObjectRows(reports[0]!))}</div>`;
  return `<h2>Scores</h2>
<div class="card">${several ? `<h3>Mean over the classes</h3>` : ""}${htmlTable(comparisonHeader, comparisonRows(summaries))}
<p class="soft small">Mean ± standard deviation over the ${unit}s. The interval is a bootstrap of the mean difference, p is of the Wilcoxon
signed-rank test.${distances}${seeds}</p></div>
${perClass.join("\n")}${small}`;
}

/** By case, the mean over the seeds. */
function perCase(reports: readonly EvaluationReport[], { name }: MetricDescription): { readonly id: string; readonly prior: number | undefined; readonly refined: number | undefined }[] {
  const found = reports.map(({ cases: scored }) => new Map(scored.map((scores) => [scores.id, scores])));
  const ids = [...new Set(found.flatMap((own) => [...own.keys()]))];
  const mean = (id: string, source: "prior" | "refined"): number | undefined => summarize(found.map((own) => own.get(id)?.[source][name])).mean;
  return ids.map((id) => ({ id, prior: mean(id, "prior"), refined: mean(id, "refined") }));
}

/** The metrics of the table for people. */
function shownMetrics({ summaries }: EvaluationPageContent): MetricSummary[] {
  return summaries.filter(({ metric }) => metric.shown);
}

function labelOf({ label, higherIsBetter }: MetricDescription, distanceUnit: string): string {
  return higherIsBetter ? label : `${label} (${distanceUnit})`;
}

function distributions(content: EvaluationPageContent): string {
  const plots = shownMetrics(content).map(({ metric }) => {
    const values = perCase(content.reports, metric);
    const ids = values.map(({ id }) => id);
    const label = `${labelOf(metric, content.distanceUnit)}, ${metric.higherIsBetter ? "higher" : "lower"} is better`;
    const rows = [
      { name: "Prior", colour: 0, values: values.map(({ prior }) => prior), cases: ids },
      { name: "Refined", colour: 1, values: values.map(({ refined }) => refined), cases: ids },
    ];
    const chart = responsiveChart(({ width }) => boxPlot({ title: `${label} of ${ids.length} cases, before and after refinement`, label, rows }, width), halfWidth);
    return chart === "" ? "" : `<div class="card"><h3>${escapeHtml(metric.label)}</h3>${chart}</div>`;
  });
  return `<h2>Distributions</h2>
<p class="soft">Box: quartiles and median; whiskers: the farthest values within 1.5 box lengths; dots: ${content.unit}s.</p>
<div class="charts">${plots.join("")}</div>`;
}

/** The metrics whose changes are drawn case by case. */
const changeMetrics: readonly string[] = ["dice", "hausdorffDistance95"];

function changes(content: EvaluationPageContent): string {
  const plots = content.summaries
    .filter(({ metric }) => changeMetrics.includes(metric.name))
    .map(({ metric, comparison: { meanDifference, interval } }) => {
      const label = `change of ${labelOf(metric, content.distanceUnit)}`;
      const differences = perCase(content.reports, metric).flatMap(({ id, prior, refined }) =>
        prior === undefined || refined === undefined ? [] : [{ name: id, value: refined - prior }],
      );
      const plot = { title: `${label} of ${differences.length} cases`, label, differences, higherIsBetter: metric.higherIsBetter, mean: meanDifference, interval };
      return `<div class="card"><h3>${escapeHtml(metric.label)}</h3>${responsiveChart((size) => differencePlot(plot, size), halfWidth)}</div>`;
    });
  return `<h2>What refinement changes</h2>
<p class="soft">Refined minus prior, a bar for each of the ${content.unit}s. Blue: better, orange: worse; dashed: the mean, with its 95 % interval.</p>
<div class="charts">${plots.join("")}</div>`;
}

function cases({ views, reports, colours, unit }: EvaluationPageContent): string {
  if (views.length === 0) return "";
  const swatch = (colour: string, label: string): string => `<li><i style="background:${escapeHtml(colour)}"></i>${escapeHtml(label)}</li>`;
  const rgb = (colour: readonly number[]): string => `rgb(${colour.join(" ")})`;
  const classesLegend = colours.map(([name, colour]) => swatch(colour, name)).join("");
  const errors = swatch(rgb(errorColours.right), "rightly found") + swatch(rgb(errorColours.extra), "too much, or another class") + swatch(rgb(errorColours.missed), "missed");
  const which =
    views.length === reports[0]!.cases.length ? `All ${unit}s, by ascending refined Dice.` : "The lowest and highest refined Dice, and the largest changes by refinement to the worse and to the better.";
  return `<h2>Cases</h2>
<p class="soft">${which}${reports.length === 1 ? "" : ` Of seed ${reports[0]!.seed}.`} Uncertainty is the variance over the samples; white is the largest that is possible.</p>
<ul class="legend">${errors}</ul>${classesLegend === "" ? "" : `<ul class="legend">${classesLegend}</ul>`}
${views.map(caseCard).join("\n")}`;
}

function allCases({ reports, skipped, unit }: EvaluationPageContent): string {
  const left = skipped.map(({ id, reason }) => `<li>${escapeHtml(id)}: ${escapeHtml(reason)}</li>`);
  return `<h2>All ${unit}s</h2>
<div class="card"><div class="tall">${caseTable(reports)}</div></div>${left.length === 0 ? "" : `\n<div class="card"><h3>Skipped</h3><ul>${left.join("")}</ul></div>`}`;
}

function making({ facts, command }: EvaluationPageContent): string {
  return `<h2>How this was made</h2>
${htmlFacts(facts)}
<p class="soft" style="margin-top:16px">The same again: <code>${escapeHtml(command)}</code></p>`;
}
