import type { SplitName } from "@hidiff/datasets";
import type { CaseFacts, DatasetInspection } from "@hidiff/datasets/node";
import { htmlDocument } from "../page/document.ts";
import { escapeHtml, htmlNumber, htmlTable } from "../page/html.ts";
import { outlineColour } from "./class-colours.ts";
import { countSizes, describeSizes, formatShare, formatSize, formatSpacing, splitNames, summarizeClasses } from "./summary.ts";

/** A picture on the contact sheet. */
export interface SheetPicture {
  readonly fact: CaseFacts;
  readonly width: number;
  readonly height: number;
  /** A data URI. */
  readonly source: string;
}

interface CheckPageContent {
  readonly folder: string;
  readonly layout: string;
  readonly inspection: DatasetInspection;
  readonly splits: Readonly<Record<SplitName, readonly string[]>>;
  readonly pictures: readonly SheetPicture[];
}

/** The page of `hidiff dataset check`, in one file. */
export function buildCheckPage(content: CheckPageContent): string {
  const parts = [introduction(content), findings(content.inspection), splits(content), classes(content.inspection), intensities(content.inspection), sheet(content)];
  return htmlDocument(`${content.inspection.dataset}: data set check`, parts.join("\n"));
}

function introduction({ folder, layout, inspection }: CheckPageContent): string {
  const { facts, unreadable } = inspection;
  const errors = inspection.findings.filter(({ severity }) => severity === "error").length;
  const warnings = inspection.findings.length - errors;
  return `<header>
<h1>${escapeHtml(inspection.dataset)}</h1>
<p class="lead">What <code>hidiff dataset check</code> found in <code>${escapeHtml(folder)}</code>, read as <b>${escapeHtml(layout)}</b>.</p>
<div class="numbers">
${htmlNumber(String(facts.length), "cases read")}
${htmlNumber(String(unreadable.length), "cases that cannot be read", unreadable.length > 0 ? "bad" : "")}
${htmlNumber(String(errors), errors === 1 ? "error" : "errors", errors > 0 ? "bad" : "good")}
${htmlNumber(String(warnings), warnings === 1 ? "warning" : "warnings")}
</div>
</header>`;
}

function findings({ findings: found }: DatasetInspection): string {
  if (found.length === 0) return `<h2>Findings</h2>\n<p class="soft">None: every file could be read, no image is there twice, and no case is in two splits.</p>`;
  const items = found.map(({ severity, message, cases }) => {
    const names = cases.length === 0 ? "" : `<details><summary>${cases.length === 1 ? "1 case" : `${cases.length} cases`}</summary><p class="small soft">${escapeHtml(cases.join(", "))}</p></details>`;
    return `<li><b class="${severity === "error" ? "bad" : ""}">${severity}</b> ${escapeHtml(message)}${names}</li>`;
  });
  return `<h2>Findings</h2>\n<div class="card"><ul class="findings">${items.join("\n")}</ul></div>`;
}

function splits({ inspection: { facts }, splits: listed }: CheckPageContent): string {
  const rows = splitNames.map((split) => {
    const members = facts.filter((fact) => fact.split === split);
    const groups = new Set(members.flatMap(({ group }) => (group === undefined ? [] : [group]))).size;
    const slices = members.reduce((sum, { depth }) => sum + depth, 0);
    return [split, `${members.length} of ${listed[split].length}`, String(slices), groups === 0 ? "–" : String(groups), describeSizes(countSizes(members)) || "–"];
  });
  const volumes = facts.some(({ depth }) => depth > 1);
  const voxels = volumes ? `<p class="soft small">Distances between voxels, along width, height and depth: ${escapeHtml(describeSizes(countSizes(facts, formatSpacing), 5))}.</p>` : "";
  return `<h2>Splits and sizes</h2>
<div class="card">${htmlTable(["Split", "Cases read", "Slices", "Patients or sequences", `Sizes (width×height${volumes ? "×slices" : ""})`], rows)}${voxels}</div>`;
}

function classes(inspection: DatasetInspection): string {
  const rows = summarizeClasses(inspection).map(({ label, name, cases, fraction, fractionPerCase: { minimum, median, maximum } }) => [
    `${label} ${name}`,
    String(cases),
    formatShare(fraction),
    ...[minimum, median, maximum].map((value) => (value === undefined ? "–" : formatShare(value))),
  ]);
  return `<h2>Classes</h2>
<div class="card">${htmlTable(["Class", "Cases with it", "Share of all pixels", "least in a case", "median", "most"], rows)}</div>`;
}

function intensities({ facts, imageChannels }: DatasetInspection): string {
  if (facts.length === 0) return "";
  const rows = Array.from({ length: imageChannels }, (_, channel) => {
    const values = facts.map((fact) => fact.intensities[channel]!);
    const least = values.reduce((low, { minimum }) => Math.min(low, minimum), Infinity);
    const most = values.reduce((high, { maximum }) => Math.max(high, maximum), -Infinity);
    const means = values.map(({ mean }) => mean).sort((a, b) => a - b);
    return [`channel ${channel + 1}`, ...[least, means[0]!, means[means.length >> 1]!, means.at(-1)!, most].map((value) => String(Number(value.toPrecision(5))))];
  });
  return `<h2>Intensities</h2>
<div class="card">${htmlTable(["", "Least value", "least mean", "median mean", "largest mean", "Largest value"], rows)}
<p class="soft small">In the units of the files, before preprocessing.</p></div>`;
}

function sheet({ inspection, pictures }: CheckPageContent): string {
  if (pictures.length === 0) return "";
  const concerned = new Set(inspection.findings.flatMap(({ cases }) => cases));
  const legend = inspection.classNames.map((name, label) => ({ name, label })).slice(1).map(
    ({ name, label }) => `<li><i style="background:${outlineColour(label, inspection)}"></i>${escapeHtml(name)}</li>`,
  );
  const figures = pictures.map(({ fact, source, width, height }) => {
    const place = fact.depth === 1 ? "" : `, slice ${fact.bestSlice + 1}`;
    const mark = concerned.has(fact.id) ? ' <b class="bad">see findings</b>' : "";
    const caption = `${escapeHtml(fact.id)}${mark}<br><span class="soft">${fact.split}, ${formatSize(fact)}${place}</span>`;
    return `<figure><img src="${source}" alt="${escapeHtml(fact.id)} with its mask outlined" width="${width}" height="${height}" loading="lazy"><figcaption>${caption}</figcaption></figure>`;
  });
  return `<h2>Contact sheet</h2>
<p class="soft">Masks are outlined. Of volumes, the slice with most foreground.</p>
<ul class="legend">${legend.join("")}</ul>
<div class="sheet">${figures.join("\n")}</div>`;
}
