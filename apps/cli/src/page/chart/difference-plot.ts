import { escapeHtml } from "../html.ts";
import type { ChartSize } from "./size.ts";
import { roundTicks, tickLabel } from "./ticks.ts";

interface DifferencePlot {
  /** What the plot shows, for those who cannot see it. */
  readonly title: string;
  /** The differences' name and unit. */
  readonly label: string;
  readonly differences: readonly { readonly name: string; readonly value: number }[];
  readonly higherIsBetter: boolean;
  readonly mean: number | undefined;
  /** Of the mean. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

const border = { left: 60, right: 14, top: 34, bottom: 34 } as const;

/** One bar a case from zero to its difference, in ascending order, with the mean and its interval behind them; blue is better. */
export function differencePlot({ title, label, differences, higherIsBetter, mean, interval }: DifferencePlot, { width, height }: ChartSize): string {
  if (differences.length === 0) return "";
  const sorted = differences.toSorted((a, b) => a.value - b.value);
  const [low, high] = [Math.min(0, sorted[0]!.value), Math.max(0, sorted.at(-1)!.value)];
  const margin = (high - low) * 0.05 || 1e-3;
  const [left, right, top, bottom] = [border.left, width - border.right, border.top, height - border.bottom];
  const y = (value: number): number => bottom - ((bottom - top) * (value - low + margin)) / (high - low + 2 * margin);
  const level = (value: number): string => y(value).toFixed(1);
  const step = (right - left) / sorted.length;
  const barWidth = Math.max(0.6, Math.min(18, step * 0.7));
  const grid = roundTicks(low - margin, high + margin, height / 40).map(
    (tick) =>
      `<line class="${Math.abs(tick) < 1e-12 ? "axis" : "grid"}" x1="${left}" x2="${right}" y1="${level(tick)}" y2="${level(tick)}"/>` +
      `<text class="tick" x="${left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick > 1e-12 ? "+" : ""}${tickLabel(tick)}</text>`,
  );
  const band =
    interval === undefined
      ? ""
      : `<rect class="band" x="${left}" width="${right - left}" y="${level(interval[1])}" height="${Math.max(0.5, y(interval[0]) - y(interval[1])).toFixed(1)}"><title>95 % interval of the mean</title></rect>`;
  const middle = mean === undefined ? "" : `<line class="divider" x1="${left}" x2="${right}" y1="${level(mean)}" y2="${level(mean)}"><title>mean ${tickLabel(mean)}</title></line>`;
  const bars = sorted.map(({ name, value }, index) => {
    const better = higherIsBetter ? value >= 0 : value <= 0;
    return (
      `<rect class="bar series-${better ? 1 : 2}" x="${(left + step * (index + 0.5) - barWidth / 2).toFixed(1)}" width="${barWidth.toFixed(1)}" ` +
      `y="${level(Math.max(0, value))}" height="${Math.max(0.5, Math.abs(y(value) - y(0))).toFixed(1)}"><title>${escapeHtml(`${name}: ${value > 0 ? "+" : ""}${tickLabel(value)}`)}</title></rect>`
    );
  });
  const labels =
    `<text class="tick" x="8" y="16">${escapeHtml(label)}</text>` +
    `<text class="tick" x="${((left + right) / 2).toFixed(1)}" y="${bottom + 22}" text-anchor="middle">${sorted.length} cases, by their change</text>`;
  return (
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `${grid.join("")}${band}${bars.join("")}${middle}${labels}</svg>`
  );
}
