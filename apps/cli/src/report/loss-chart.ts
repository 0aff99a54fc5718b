import { type ChartPoint, type ChartSeries, lineChart } from "../page/chart/line-chart.ts";
import type { ChartSize } from "../page/chart/size.ts";
import type { TrainingCourse } from "./training-course.ts";

/** Each drawn point is the mean over this share of the curve on either side, so that the course shows through the noise. */
const smoothing = 0.03;
/** A curve has no more points than can be told apart. */
const mostPoints = 600;

/** The losses: smoothed, one curve each. @param raw whether each has its own numbers behind it, too */
export function lossSeries({ losses }: TrainingCourse, raw: boolean): ChartSeries[] {
  const smooth = losses.map(({ name, points }, colour): ChartSeries => ({ name, colour, style: "line", points: thinOut(smoothCurve(points)) }));
  if (!raw) return smooth;
  return [...losses.map(({ name, points }, colour): ChartSeries => ({ name: `${name}, every iteration`, colour, style: "faint", points: thinOut(points) })), ...smooth];
}

/** The losses over the iterations, logarithmic; an empty text without losses. */
export function lossChart(course: TrainingCourse, series: readonly ChartSeries[], size: ChartSize): string {
  return lineChart(
    {
      title: `Training losses: ${course.losses.map(({ name }) => name).join(", ")}`,
      x: { label: "iteration", range: [0, Math.max(1, course.iterations)], whole: true },
      y: { label: "loss", logarithmic: true },
      series,
      marks: phaseMark(course),
    },
    size,
  );
}

/** Where the second phase begins. */
export function phaseMark({ phaseChange, iterations }: TrainingCourse): { readonly x: number; readonly label: string }[] {
  return phaseChange > 0 && phaseChange < iterations ? [{ x: phaseChange, label: "alternate training" }] : [];
}

/** At most {@link mostPoints} of the points, evenly spread, the last included. */
export function thinOut(points: readonly ChartPoint[]): ChartPoint[] {
  const stride = Math.max(1, Math.ceil(points.length / mostPoints));
  return points.filter((_, index) => index % stride === 0 || index === points.length - 1);
}

/** A running mean over the points on both sides. */
function smoothCurve(points: readonly ChartPoint[]): ChartPoint[] {
  const span = Math.round(points.length * smoothing);
  const sums = new Float64Array(points.length + 1);
  for (const [index, { y }] of points.entries()) sums[index + 1] = sums[index]! + y;
  return points.map(({ x }, index) => {
    const [start, end] = [Math.max(0, index - span), Math.min(points.length, index + span + 1)];
    return { x, y: (sums[end]! - sums[start]!) / (end - start) };
  });
}
