import { formatDifference } from "../evaluate/tables.ts";
import { escapeHtml, smoothClass } from "../page/html.ts";
import type { CaseView } from "./case-views.ts";
import type { Film } from "./film.ts";

/** A case with its scores, its pictures and its refinement step by step. */
export function caseCard({ scores: { id, prior, refined }, reasons, slice, pictures, film }: CaseView): string {
  const change = refined.dice === undefined || prior.dice === undefined ? undefined : refined.dice - prior.dice;
  const dice = (value: number | undefined): string => value?.toFixed(4) ?? "–";
  const name = slice === undefined ? id : `${id}, slice ${slice}`;
  const reason = reasons.length === 0 ? "" : `<span class="reason">${reasons.join(", ")}</span>`;
  const figures = pictures.map(({ source, caption, width, height }) => {
    const alt = escapeHtml(`${caption}: ${name}`);
    return `<figure><img${smoothClass(width)} src="${source}" alt="${alt}" width="${width}" height="${height}" loading="lazy"><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
  });
  return `<section class="card">
<div class="case-head"><h3>${escapeHtml(name)}${reason}</h3><span><span class="soft">Dice</span> ${dice(prior.dice)} → <b>${dice(refined.dice)}</b>
<span class="${(change ?? 0) < 0 ? "bad" : "good"}">${formatDifference(change, 4)}</span></span></div>
<div class="pictures">${figures.join("")}</div>${film === undefined ? "" : filmStrip(film, name)}
</section>`;
}

/** All steps side by side, and one after the other. */
function filmStrip({ sheet, steps, detail }: Film, name: string): string {
  const frames = steps.length;
  const frame = (row: "latent" | "estimate", place: number, label: string): string =>
    `<div class="frame ${row}" role="img" aria-label="${escapeHtml(label)}" style="--place:${frames === 1 ? 0 : (place / (frames - 1)).toFixed(5)}"></div>`;
  const columns = steps.map(
    (t, place) => `<div class="step">${frame("latent", place, `latent mask at t = ${t}`)}${frame("estimate", place, `estimate at t = ${t}`)}<p>t = ${t}</p></div>`,
  );
  const ratio = `${sheet.width / frames} / ${sheet.height / 2}`;
  const part = detail === undefined ? "" : ` Shown: the ${detail} × ${detail} pixels in which the estimate changes most.`;
  return `
<div class="film" style="--frames:${frames};--ratio:${ratio};--sheet:url(${sheet.source})">
<p class="soft small">The refinement of one sample, from noise to mask. Above the latent mask, below the estimate.${part}</p>
<div class="playing">${frame("latent", 0, `latent masks of ${name}, one after the other`)}${frame("estimate", 0, `estimates of ${name}, one after the other`)}<label><input type="checkbox"> Pause</label></div>
<div class="steps" tabindex="0">${columns.join("")}</div>
</div>`;
}
