import { comparisonHeader, comparisonRows, formatDifference } from "../evaluate/tables.ts";
import type { MetricSummary } from "../evaluate/summary.ts";
import { errorColours } from "../pictures/error-map.ts";
import type { GalleryImage, GalleryPicture } from "./gallery.ts";
import { htmlDocument } from "../page/document.ts";
import { escapeHtml, htmlFacts, htmlNumber, htmlTable } from "../page/html.ts";
import { chartLegend } from "../page/chart/line-chart.ts";
import { responsiveChart } from "../page/chart/size.ts";
import { lossChart, lossSeries } from "../report/loss-chart.ts";
import type { TrainingCourse } from "../report/training-course.ts";

/** What the demo's page tells. */
interface PageContent {
  readonly summaries: readonly MetricSummary[];
  readonly course: TrainingCourse;
  readonly images: readonly GalleryImage[];
  readonly trainingImages: number;
  readonly samples: number;
  /** Name and value of what someone needs to know to repeat it. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly command: string;
}

/** The whole page in one file: style, pictures and charts are inside. */
export function buildPage(content: PageContent): string {
  const parts = [introduction(content), scores(content), training(content), gallery(content), making(content)];
  return htmlDocument("HiDiff demo", parts.join("\n"));
}

function introduction({ summaries, images, trainingImages, samples }: PageContent): string {
  const { metric, prior, refined, comparison } = summaries.find(({ metric: { name } }) => name === "dice")!;
  const tone = (comparison.meanDifference ?? 0) < 0 ? "bad" : "good";
  const show = (value: number | undefined): string => value?.toFixed(metric.decimals) ?? "–";
  return `<header>
<h1>HiDiff: a first mask, then a refined one</h1>
<p class="lead">A <b>segmentor</b> draws a first mask of the vessels, the <b>prior</b>. A <b>binary diffusion model</b>, the refiner,
corrects it: it starts from noise around the prior and removes that noise step by step, every mask on the way made of zeros and ones.</p>
<p class="soft">Both networks were trained just now, on ${trainingImages} drawn images of an eye's background. This page shows what they do
with ${images.length} images that they have never seen. The refined mask is the mean of ${samples} refinements; where they disagree, the
mask is uncertain.</p>
<div class="numbers">
${htmlNumber(show(prior.mean), "Dice of the prior")}
${htmlNumber(show(refined.mean), "Dice after refinement")}
${htmlNumber(formatDifference(comparison.meanDifference, metric.decimals), "mean change", tone)}
${htmlNumber(`${comparison.improvedCount} of ${comparison.count}`, "images improved")}
</div>
</header>`;
}

function scores({ summaries }: PageContent): string {
  return `<h2>Scores</h2>
<div class="card">${htmlTable(comparisonHeader, comparisonRows(summaries))}
<p class="soft small">Mean ± standard deviation over the images. The interval is a bootstrap of the mean difference, p is of the Wilcoxon
signed-rank test. HD95 and ASSD are distances in pixels: smaller is better.</p></div>`;
}

function training({ course }: PageContent): string {
  const series = lossSeries(course, false);
  return `<h2>Training</h2>
<p class="soft">First the segmentor learns alone. Then both learn in turn: the refiner to undo noise around the segmentor's masks, the
segmentor to draw masks from which the refiner does well.</p>
<div class="card">${responsiveChart((size) => lossChart(course, series, size))}${chartLegend(series)}</div>`;
}

function gallery({ images }: PageContent): string {
  const swatch = (colour: readonly number[], label: string): string => `<li><i style="background:rgb(${colour.join(" ")})"></i>${label}</li>`;
  return `<h2>Every image, every step</h2>
<p class="soft">The strips show one refinement of each image, from noise to mask. Above, the latent mask of zeros and ones; below, the mask
that the refiner estimates from it, the image and the prior. The next latent mask is drawn closer to that estimate.</p>
<ul class="legend">${swatch(errorColours.right, "vessel found")}${swatch(errorColours.extra, "no vessel, but drawn")}${swatch(errorColours.missed, "vessel missed")}</ul>
${images.map(galleryCard).join("\n")}`;
}

function galleryCard({ scores: { id, prior, refined }, overview, steps }: GalleryImage): string {
  const change = refined.dice === undefined || prior.dice === undefined ? undefined : refined.dice - prior.dice;
  const dice = (value: number | undefined): string => value?.toFixed(3) ?? "–";
  const columns = steps.map(({ t, latent, estimate }) => `<div class="step">${image(latent)}${image(estimate)}<p>t = ${t}</p></div>`);
  return `<section class="card">
<div class="case-head"><h3>${escapeHtml(id)}</h3><span><span class="soft">Dice</span> ${dice(prior.dice)} → <b>${dice(refined.dice)}</b>
<span class="${(change ?? 0) < 0 ? "bad" : "good"}">${formatDifference(change, 3)}</span></span></div>
<div class="overview">${overview.map((picture) => `<figure>${image(picture)}<figcaption>${escapeHtml(picture.caption)}</figcaption></figure>`).join("")}</div>
<div class="steps">${columns.map((column) => `<figure>${column}</figure>`).join("")}</div>
</section>`;
}

function image({ source, caption, width, height }: GalleryPicture): string {
  return `<img src="${source}" alt="${escapeHtml(caption)}" width="${width}" height="${height}" loading="lazy">`;
}

function making({ facts, command }: PageContent): string {
  return `<h2>How this was made</h2>
${htmlFacts(facts)}
<p class="soft" style="margin-top:16px">The same again: <code>${escapeHtml(command)}</code>. The images are drawn by a program and have no
clinical meaning; networks this small are here to show the method, not its best scores.</p>`;
}
