import type { ValidationRecord } from "hidiff/node";
import { formatDifference } from "../evaluate/tables.ts";
import { type ChartSeries, chartLegend, lineChart } from "../page/chart/line-chart.ts";
import { halfWidth, responsiveChart } from "../page/chart/size.ts";
import { htmlDocument } from "../page/document.ts";
import { escapeHtml, htmlFacts, htmlNumber, htmlTable, smoothClass } from "../page/html.ts";
import type { EmbeddedPicture } from "../pictures/embed.ts";
import { lossChart, lossSeries, phaseMark, thinOut } from "./loss-chart.ts";
import type { TrainingCourse } from "./training-course.ts";

export type TrainingStatus = "running" | "stopped" | "finished";

/** What the report of a training tells. */
interface TrainingPageContent {
  readonly dataset: string;
  readonly status: TrainingStatus;
  readonly course: TrainingCourse;
  /** Iterations of both phases that the configuration asks for. */
  readonly planned: number;
  /** Of validation crops, each after that many iterations of both phases. */
  readonly pictures: readonly (EmbeddedPicture & { readonly step: number })[];
  readonly configuration: object;
  /** Name and value of machine, versions and times. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** The report of a training as one self-contained page. */
export function trainingPage(content: TrainingPageContent): string {
  const parts = [introduction(content), losses(content.course), validation(content.course), pictures(content), making(content)];
  return htmlDocument(`Training on ${content.dataset}`, parts.join("\n"));
}

/** The look with the highest refined Dice, the earlier of equals. */
function bestLook(validations: readonly ValidationRecord[]): ValidationRecord | undefined {
  return validations.reduce<ValidationRecord | undefined>((best, look) => (best === undefined || look.refinedDice > best.refinedDice ? look : best), undefined);
}

const statusTexts: Readonly<Record<TrainingStatus, string>> = {
  running: "It is still running; this page is renewed at every look at validation crops.",
  stopped: "It was stopped, and can be resumed.",
  finished: "It is finished.",
};

function introduction({ dataset, status, course, planned }: TrainingPageContent): string {
  const best = bestLook(course.validations);
  const last = course.validations.at(-1);
  const looks =
    best === undefined || last === undefined
      ? ""
      : `${htmlNumber(best.refinedDice.toFixed(4), `best refined Dice, after ${best.step} iterations`)}
${htmlNumber(last.segmentorDice.toFixed(4), "segmentor's Dice at the last look")}
${htmlNumber(last.refinedDice.toFixed(4), "refined Dice at the last look")}`;
  return `<header>
<h1>Training on ${escapeHtml(dataset)}</h1>
<p class="lead">First the segmentor learns alone, then segmentor and refiner learn in turn. ${statusTexts[status]}</p>
<div class="numbers">
${htmlNumber(`${course.iterations} of ${planned}`, "iterations")}
${looks}
</div>
</header>`;
}

function losses(course: TrainingCourse): string {
  if (course.iterations === 0) return "";
  const series = lossSeries(course, true);
  const rates: ChartSeries = { name: course.learningRate.name, colour: 4, style: "line", points: thinOut(course.learningRate.points) };
  const rateChart = responsiveChart(
    (size) =>
      lineChart(
        {
          title: "Learning rate over the iterations",
          x: { label: "iteration", range: [0, course.iterations], whole: true },
          y: { label: "learning rate" },
          series: [rates],
          marks: phaseMark(course),
        },
        size,
      ),
    { width: 1060, height: 200 },
  );
  return `<h2>Losses</h2>
<p class="soft">Strong: the running mean; pale: every iteration.</p>
<div class="card">${responsiveChart((size) => lossChart(course, series, size))}${chartLegend(series)}</div>
<div class="card"><h3>Learning rate</h3>${rateChart}</div>`;
}

function validation(course: TrainingCourse): string {
  const { validations, iterations } = course;
  const best = bestLook(validations);
  const last = validations.at(-1);
  if (best === undefined || last === undefined) return "";
  const look = (pick: (record: ValidationRecord) => number): ChartSeries["points"] =>
    validations.map((record) => ({ x: record.step, y: pick(record), note: `${pick(record).toFixed(4)} after ${record.step} iterations` }));
  const series: ChartSeries[] = [
    { name: "segmentor", colour: 0, style: "dots", points: look(({ segmentorDice }) => segmentorDice) },
    { name: "refined", colour: 1, style: "dots", points: look(({ refinedDice }) => refinedDice) },
  ];
  const dice = responsiveChart(
    (size) =>
      lineChart(
        {
          title: "Dice of validation crops over the iterations, segmentor and refined",
          x: { label: "iteration", range: [0, iterations], whole: true },
          y: { label: "Dice" },
          series,
          marks: [{ x: best.step, label: `best refined: ${best.refinedDice.toFixed(4)}` }],
        },
        size,
      ),
    halfWidth,
  );
  const rows = validations.map(({ step, segmentorDice, refinedDice }) => [
    `${step}${step === best.step ? " (best)" : ""}`,
    segmentorDice.toFixed(4),
    refinedDice.toFixed(4),
    formatDifference(refinedDice - segmentorDice, 4),
  ]);
  return `<h2>Validation</h2>
<div class="charts"><div class="card"><h3>Dice at every look</h3>${dice}${chartLegend(series)}
<details><summary>Numbers</summary>${htmlTable(["Iteration", "Segmentor", "Refined", "Difference"], rows)}</details></div>${stepDice(last)}</div>`;
}

/** How the estimate grows better from step to step. */
function stepDice({ stepDice: steps, segmentorDice, step }: ValidationRecord): string {
  if (steps.length === 0) return "";
  const series: ChartSeries[] = [{ name: "estimate", colour: 1, style: "dots", points: steps.map(({ t, dice }) => ({ x: t, y: dice, note: `${dice.toFixed(4)} at t = ${t}` })) }];
  const [first, last] = [steps[0]!.t, steps.at(-1)!.t];
  const prior: ChartSeries = { name: "segmentor", colour: 0, style: "line", points: [{ x: first, y: segmentorDice }, { x: last, y: segmentorDice }] };
  const chart = responsiveChart(
    (size) =>
      lineChart({ title: "Dice of the estimate at each refinement step", x: { label: "step t, from noise to mask", whole: true, reversed: true }, y: { label: "Dice" }, series: [prior, ...series] }, size),
    halfWidth,
  );
  return `<div class="card"><h3>Dice by step</h3>${chart}${chartLegend([prior, ...series])}
<p class="soft small">Of one sample, at the last look, after ${step} iterations.</p>
<details><summary>Numbers</summary>${htmlTable(["t", "Dice"], steps.map(({ t, dice }) => [String(t), dice.toFixed(4)]))}</details></div>`;
}

function pictures({ pictures: shown }: TrainingPageContent): string {
  if (shown.length === 0) return "";
  const figures = shown.map(({ source, width, height, step }) => {
    const caption = `after ${step} iterations`;
    return `<figure><img${smoothClass(width)} src="${source}" alt="Validation crops ${caption}" width="${width}" height="${height}" loading="lazy"><figcaption>${caption}</figcaption></figure>`;
  });
  return `<h2>Pictures over time</h2>
<p class="soft">A row a validation crop; from the left image, truth, prior and refined mask.</p>
<div class="charts">${figures.join("\n")}</div>`;
}

function making({ configuration, facts }: TrainingPageContent): string {
  return `<h2>How this is made</h2>
${htmlFacts(facts)}
<details class="card"><summary>Configuration</summary><pre tabindex="0">${escapeHtml(JSON.stringify(configuration, null, 2))}</pre></details>`;
}
