import { escapeHtml } from "../html.ts";
import type { ChartSize } from "./size.ts";
import { decadeTicks, roundTicks, tickLabel } from "./ticks.ts";

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** What the pointer shows at a dot. */
  readonly note?: string;
}

export interface ChartSeries {
  readonly name: string;
  /** Its colour: the class `series-N` of the style sheet. */
  readonly colour: number;
  readonly points: readonly ChartPoint[];
  /** "line"; "dots": a line with a dot at every point; "faint": a thin pale line. */
  readonly style: "line" | "dots" | "faint";
}

interface ChartAxis {
  readonly label: string;
  /** Default: that of the points, with a margin on the vertical axis. */
  readonly range?: readonly [low: number, high: number];
  readonly logarithmic?: boolean;
  /** Only whole numbers have ticks. */
  readonly whole?: boolean;
  /** Whether it runs from high to low. */
  readonly reversed?: boolean;
}

interface LineChart {
  /** What the chart shows, for those who cannot see it. */
  readonly title: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
  /** Dashed vertical lines. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
  /** Dashed lines from one point to another. */
  readonly guides?: readonly (readonly [from: ChartPoint, to: ChartPoint])[];
}

const border = { left: 52, right: 14, top: 44, bottom: 44 } as const;

/** Curves over two axes, as an SVG; an empty text without points. Points that a logarithmic axis cannot show are left out. */
export function lineChart({ title, x, y, series, marks = [], guides = [] }: LineChart, { width, height }: ChartSize): string {
  const shown = series.map((own) => ({
    ...own,
    points: own.points.filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y) && (y.logarithmic !== true || point.y > 0)),
  }));
  const points = shown.flatMap((own) => own.points);
  if (points.length === 0) return "";
  const [left, right, top, bottom] = [border.left, width - border.right, border.top, height - border.bottom];
  const horizontal = scale(x.range ?? extent(points.map((point) => point.x)), x.reversed === true ? [right, left] : [left, right]);
  const vertical = scale(y.range ?? withMargin(extent(points.map((point) => point.y)), y.logarithmic), [bottom, top], y.logarithmic);
  const place = (point: ChartPoint): [string, string] => [horizontal.at(point.x).toFixed(1), vertical.at(point.y).toFixed(1)];

  const rows = vertical.ticks(height / 40, y.whole).map((tick) => {
    const level = vertical.at(tick).toFixed(1);
    return (
      `<line class="grid" x1="${left}" x2="${right}" y1="${level}" y2="${level}"/>` +
      `<text class="tick" x="${left - 8}" y="${(vertical.at(tick) + 4).toFixed(1)}" text-anchor="end">${tickLabel(tick)}</text>`
    );
  });
  const columns = horizontal.ticks(width / 90, x.whole).map((tick) => `<text class="tick" x="${horizontal.at(tick).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${tickLabel(tick)}</text>`);
  const labels =
    `<text class="tick" x="8" y="16">${escapeHtml(y.label)}</text>` +
    `<text class="tick" x="${((left + right) / 2).toFixed(1)}" y="${bottom + 37}" text-anchor="middle">${escapeHtml(x.label)}</text>`;
  const dividers = marks.map(({ x: at, label }) => {
    const level = horizontal.at(at);
    return (
      `<line class="divider" x1="${level.toFixed(1)}" x2="${level.toFixed(1)}" y1="${top}" y2="${bottom}"/>` +
      `<text class="tick" x="${level.toFixed(1)}" y="${top - 8}" text-anchor="${level > (left + right) / 2 ? "end" : "start"}">${escapeHtml(label)}</text>`
    );
  });
  const dashed = guides.map(([from, to]) => {
    const [[x1, y1], [x2, y2]] = [place(from), place(to)];
    return `<line class="divider" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
  });
  const curves = shown.map((own) => {
    const line = `<polyline class="curve${own.style === "faint" ? " faint" : ""} series-${own.colour}" points="${own.points.map((point) => place(point).join(",")).join(" ")}"><title>${escapeHtml(own.name)}</title></polyline>`;
    return line + (own.style === "dots" ? own.points.map((point) => dot(point, place(point), own)).join("") : "");
  });
  return (
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `${rows.join("")}${columns.join("")}${labels}${dividers.join("")}${dashed.join("")}${curves.join("")}</svg>`
  );
}

/** The names and colours of a chart's series. */
export function chartLegend(series: readonly Pick<ChartSeries, "name" | "colour" | "style">[]): string {
  const items = series.filter(({ style }) => style !== "faint").map(({ name, colour }) => `<li><i style="background:var(--series-${colour})"></i>${escapeHtml(name)}</li>`);
  return `<ul class="legend">${items.join("")}</ul>`;
}

function dot({ note, x, y }: ChartPoint, [cx, cy]: readonly [string, string], { name, colour }: ChartSeries): string {
  return `<circle class="dot series-${colour}" cx="${cx}" cy="${cy}" r="4"><title>${escapeHtml(`${name}: ${note ?? `${tickLabel(x)}, ${tickLabel(y)}`}`)}</title></circle>`;
}

interface Scale {
  at(value: number): number;
  ticks(most: number, whole?: boolean): number[];
}

function scale([low, high]: readonly [number, number], [from, to]: readonly [number, number], logarithmic: boolean = false): Scale {
  const transform = logarithmic ? Math.log10 : (value: number): number => value;
  const [start, end] = [transform(low), transform(high)];
  return {
    at: (value) => from + ((to - from) * (transform(value) - start)) / (end - start || 1),
    ticks: (most, whole = false) => {
      const ticks = logarithmic ? decadeTicks(low, high) : roundTicks(low, high, most);
      return whole ? ticks.filter(Number.isInteger) : ticks;
    },
  };
}

/** Smallest and largest. Not by spread: there may be many. */
function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

function withMargin([low, high]: readonly [number, number], logarithmic: boolean = false): [number, number] {
  if (logarithmic) {
    const factor = Math.max(1.12, (high / low) ** 0.06);
    return [low / factor, high * factor];
  }
  const margin = (high - low) * 0.06 || Math.max(Math.abs(high) * 0.1, 1e-3);
  return [low - margin, high + margin];
}
