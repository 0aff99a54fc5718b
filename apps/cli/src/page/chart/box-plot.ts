import { quantile } from "@hidiff/metrics";
import { escapeHtml } from "../html.ts";
import { roundTicks, tickLabel } from "./ticks.ts";

const border = { left: 12, right: 16, top: 14, bottom: 38 } as const;
const rowHeight = 50;
const boxHeight = 18;
/** With more values only those beyond the whiskers are dots. */
const mostDots = 300;

/** The part of the page's style sheet that the plot needs, for a plot in a file of its own. */
const ownStyle = `<style>
svg { --ground: #ffffff; --soft: #5c6877; --ink: #1b2430; --line: #dfe4ea; --series-0: #8a94a3; --series-1: #2f6fde; }
@media (prefers-color-scheme: dark) { svg { --ground: #11151b; --soft: #9aa6b5; --ink: #e8ecf1; --line: #2c3542; --series-0: #7d8897; --series-1: #6ea3ff; } }
svg { background: var(--ground); }
text { font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
.name { fill: var(--ink); }
.grid { stroke: var(--line); }
</style>`;

interface BoxPlot {
  /** What the plot shows, for those who cannot see it. */
  readonly title: string;
  /** The values' name and unit. */
  readonly label: string;
  readonly rows: readonly BoxPlotRow[];
}

interface BoxPlotRow {
  readonly name: string;
  /** The class `series-N` of the style sheet. */
  readonly colour: number;
  /** undefined where a case has none */
  readonly values: readonly (number | undefined)[];
  /** Of each value, for the pointer. */
  readonly cases: readonly string[];
}

/**
 * Horizontal box plots, one below the other: box from the first to the third quartile with the median, whiskers to the
 * farthest values within 1.5 box lengths (Tukey), and the cases as dots. An empty text without values.
 *
 * @param standalone whether the SVG is a file of its own and not a part of the page
 */
export function boxPlot({ title, label, rows }: BoxPlot, width: number, standalone: boolean = false): string {
  const sorted = rows.map(({ values, cases }) =>
    values.flatMap((value, index) => (value === undefined ? [] : [{ value, name: cases[index]! }])).sort((a, b) => a.value - b.value),
  );
  const all = sorted.flat().map(({ value }) => value);
  if (all.length === 0) return "";
  const [low, high] = all.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)] as const, [Infinity, -Infinity] as const);
  const margin = Math.max((high - low) * 0.04, 1e-3);
  const bottom = border.top + rowHeight * rows.length;
  const x = (value: number): number => border.left + ((width - border.left - border.right) * (value - low + margin)) / (high - low + 2 * margin);
  const fixed = (value: number): string => value.toFixed(1);
  const grid = roundTicks(low, high, width / 70).map(
    (tick) =>
      `<line class="grid" x1="${fixed(x(tick))}" x2="${fixed(x(tick))}" y1="${border.top}" y2="${bottom}"/>` +
      `<text class="tick" x="${fixed(x(tick))}" y="${bottom + 16}" text-anchor="middle">${tickLabel(tick)}</text>`,
  );
  const boxes = rows.map(({ name, colour }, place) => {
    const top = border.top + rowHeight * place;
    const middle = top + rowHeight - boxHeight / 2 - 7;
    const heading = `<text class="tick name" x="${border.left}" y="${top + 19}">${escapeHtml(name)}</text>`;
    return heading + box(sorted[place]!, { x, middle, colour: `var(--series-${colour})` });
  });
  const caption = `<text class="tick" x="${width - border.right}" y="${bottom + 32}" text-anchor="end">${escapeHtml(label)}</text>`;
  const size = standalone ? ` xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + border.bottom}"` : "";
  return (
    `<svg class="chart"${size} viewBox="0 0 ${width} ${bottom + border.bottom}" role="img" aria-label="${escapeHtml(title)}">` +
    `${standalone ? ownStyle : ""}${grid.join("")}${boxes.join("")}${caption}</svg>`
  );
}

interface NamedValue {
  readonly value: number;
  readonly name: string;
}

/** @param sorted ascending; nothing is drawn without values */
function box(sorted: readonly NamedValue[], { x, middle, colour }: { x: (value: number) => number; middle: number; colour: string }): string {
  if (sorted.length === 0) return "";
  const values = sorted.map(({ value }) => value);
  const [first, median, third] = [0.25, 0.5, 0.75].map((fraction) => quantile(values, fraction)) as [number, number, number];
  const reach = 1.5 * (third - first);
  const [low, high] = [values.find((value) => value >= first - reach)!, values.findLast((value) => value <= third + reach)!];
  const [top, end] = [middle - boxHeight / 2, middle + boxHeight / 2];
  const place = (value: number): string => x(value).toFixed(1);
  const line = (from: number, to: number): string => `<line x1="${place(from)}" x2="${place(to)}" y1="${middle}" y2="${middle}" stroke="${colour}"/>`;
  // Dots are spread over the box's height in the values' order, so that equal ones stay apart.
  const dots = sorted.map(({ value, name }, index) => {
    if (sorted.length > mostDots && value >= low && value <= high) return "";
    const offset = (((index * 7) % 11) - 5) * 1.3;
    return (
      `<circle cx="${place(value)}" cy="${(middle + offset).toFixed(1)}" r="2" fill="${colour}" fill-opacity="0.55">` +
      `<title>${escapeHtml(`${name}: ${Number(value.toPrecision(4))}`)}</title></circle>`
    );
  });
  return (
    `${line(low, first)}${line(third, high)}` +
    `<rect x="${place(first)}" y="${top}" width="${Math.max(0.5, x(third) - x(first)).toFixed(1)}" height="${boxHeight}" rx="3" fill="${colour}" fill-opacity="0.18" stroke="${colour}"/>` +
    `<line x1="${place(median)}" x2="${place(median)}" y1="${top}" y2="${end}" stroke="${colour}" stroke-width="2.5"/>${dots.join("")}`
  );
}
