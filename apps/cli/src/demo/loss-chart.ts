import { escapeHtml } from "../page/html.ts";
import type { LossCurve, TrainingCourse } from "./losses.ts";

/** The chart's drawing area in pixels; its text does not scale, so there is one for wide and one for narrow screens. */
interface ChartSize {
  readonly width: number;
  readonly height: number;
}

const border = { left: 44, right: 12, top: 26, bottom: 30 } as const;
/** Each drawn point is the mean over this share of the curve on either side, so that the course shows through the noise. */
const smoothing = 0.03;

/** The losses as an SVG: logarithmic, smoothed, one curve each (classes `series-0`, `series-1`, …). */
export function lossChart({ curves, iterations, phaseChange }: TrainingCourse, { width, height }: ChartSize): string {
  const smooth = curves.map((curve) => ({ ...curve, points: smoothCurve(curve) }));
  const losses = smooth.flatMap(({ points }) => points.map(({ loss }) => loss)).filter((loss) => loss > 0);
  if (losses.length === 0) return "";
  const [low, high] = [Math.log10(Math.min(...losses)), Math.log10(Math.max(...losses))];
  const margin = Math.max(0.05, (high - low) * 0.06);
  const bottom = height - border.bottom;
  const x = (iteration: number): number => border.left + ((width - border.left - border.right) * iteration) / Math.max(1, iterations);
  const y = (loss: number): number => {
    const share = (Math.log10(loss) - (low - margin)) / (high - low + 2 * margin);
    return bottom - share * (bottom - border.top);
  };
  const paths = smooth.map(({ points }, index) => {
    const line = points.filter(({ loss }) => loss > 0).map(({ iteration, loss }) => `${x(iteration).toFixed(1)},${y(loss).toFixed(1)}`);
    return `<polyline class="curve series-${index}" points="${line.join(" ")}"/>`;
  });
  const horizontal = decadeTicks(10 ** (low - margin), 10 ** (high + margin)).map(
    (loss) =>
      `<line class="grid" x1="${border.left}" x2="${width - border.right}" y1="${y(loss).toFixed(1)}" y2="${y(loss).toFixed(1)}"/>` +
      `<text class="tick" x="${border.left - 8}" y="${(y(loss) + 4).toFixed(1)}" text-anchor="end">${Number(loss.toPrecision(1))}</text>`,
  );
  const vertical = iterationTicks(iterations, width / 90).map(
    (iteration) => `<text class="tick" x="${x(iteration).toFixed(1)}" y="${bottom + 20}" text-anchor="middle">${iteration}</text>`,
  );
  const change = x(phaseChange).toFixed(1);
  const divider =
    phaseChange > 0 && phaseChange < iterations
      ? `<line class="divider" x1="${change}" x2="${change}" y1="${border.top}" y2="${bottom}"/>` +
        `<text class="tick" x="${change}" y="${border.top - 10}" text-anchor="${phaseChange > iterations / 2 ? "end" : "start"}">alternate training →</text>`
      : "";
  return (
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="Training losses: ${escapeHtml(curves.map(({ name }) => name).join(", "))}">` +
    `${horizontal.join("")}${vertical.join("")}${divider}${paths.join("")}</svg>`
  );
}

/** A running mean over the points on both sides. */
function smoothCurve({ points }: LossCurve): { iteration: number; loss: number }[] {
  const span = Math.round(points.length * smoothing);
  return points.map(({ iteration }, index) => {
    const part = points.slice(Math.max(0, index - span), index + span + 1);
    return { iteration, loss: part.reduce((sum, { loss }) => sum + loss, 0) / part.length };
  });
}

/** 1, 2 and 5 times powers of ten within the range; only the powers themselves where it is wide. */
function decadeTicks(low: number, high: number): number[] {
  const factors = high / low > 200 ? [1] : [1, 2, 5];
  const decades = Array.from({ length: 12 }, (_, index) => 10 ** (index - 8));
  return decades.flatMap((decade) => factors.map((factor) => factor * decade)).filter((tick) => tick >= low && tick <= high);
}

/** Round numbers from 0 to the last iteration, about `most` of them. */
function iterationTicks(iterations: number, most: number): number[] {
  const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000].find((candidate) => iterations / candidate <= most) ?? iterations;
  return Array.from({ length: Math.floor(iterations / step) + 1 }, (_, index) => index * step);
}
