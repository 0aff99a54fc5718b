import type { CalibrationBin } from "@hidiff/metrics";
import type { CalibrationReport } from "hidiff";
import { type ChartSeries, chartLegend, lineChart } from "../page/chart/line-chart.ts";
import { halfWidth, responsiveChart } from "../page/chart/size.ts";
import { htmlTable } from "../page/html.ts";

const kinds = [
  { source: "prior", name: "Prior", colour: 0 },
  { source: "refined", name: "Refined", colour: 1 },
] as const;

/** Whether probabilities hold, and whether uncertainty tells where the errors are. */
export function calibrationSection(calibration: CalibrationReport, severalClasses: boolean): string {
  return `<h2>Calibration</h2>
<p class="soft">Over all pixels that count, of all cases together. ${
    severalClasses
      ? "Of pixels whose most probable class has the probability 0.8, 80 % should be labelled rightly."
      : "Of pixels with the probability 0.8, 80 % should be foreground."
  } The expected calibration error is the mean distance from that; 0 is best.</p>
<div class="charts">${reliability(calibration, severalClasses)}${calibration.uncertainty === undefined ? "" : errorsByUncertainty(calibration.uncertainty)}</div>`;
}

function reliability(calibration: CalibrationReport, severalClasses: boolean): string {
  const errors = kinds.map(({ source, name }) => `${name.toLowerCase()} ${formatShare(calibration[source].expectedCalibrationError, 4)}`).join(", ");
  const event = severalClasses ? "labelled rightly" : "foreground";
  const series = kinds.map(({ source, name, colour }) => dots(name, colour, calibration[source].bins, event));
  const chart = responsiveChart(
    (size) =>
      lineChart(
        {
          title: `Reliability of the probabilities; expected calibration error: ${errors}`,
          x: { label: severalClasses ? "probability of the most probable class" : "probability of foreground", range: [0, 1] },
          y: { label: `fraction that is ${event}`, range: [0, 1] },
          series,
          guides: [[{ x: 0, y: 0 }, { x: 1, y: 1 }]],
        },
        size,
      ),
    halfWidth,
  );
  const rows = calibration.refined.bins.map((bin, index) => [
    formatRange(bin),
    ...kinds.flatMap(({ source }) => {
      const own = calibration[source].bins[index]!;
      return [formatCount(own.count), formatShare(own.meanValue), formatShare(own.rate)];
    }),
  ]);
  const header = ["Probability", ...kinds.flatMap(({ name }) => [`${name}: pixels`, "mean", "rate"])];
  return `<div class="card"><h3>Reliability</h3>${chart}${chartLegend(series)}
<p class="soft small">Expected calibration error: ${errors}. The dashed line is perfect.</p>
<details><summary>Numbers</summary>${htmlTable(header, rows)}</details></div>`;
}

function errorsByUncertainty(bins: readonly CalibrationBin[]): string {
  const series = [dots("Refined", 1, bins, "wrong")];
  const chart = responsiveChart(
    (size) =>
      lineChart(
        {
          title: "Rate of wrong labels by uncertainty",
          x: { label: "standard deviation over the samples", range: [0, 0.5] },
          y: { label: "fraction that is wrong", range: [0, Math.max(0.1, ...bins.map(({ rate }) => rate ?? 0)) * 1.06] },
          series,
        },
        size,
      ),
    halfWidth,
  );
  const rows = bins.map((bin) => [formatRange(bin), formatCount(bin.count), formatShare(bin.rate)]);
  return `<div class="card"><h3>Errors by uncertainty</h3>${chart}
<p class="soft small">The curve should rise: where the samples disagree, the mask is wrong more often.</p>
<details><summary>Numbers</summary>${htmlTable(["Uncertainty", "Pixels", "Wrong"], rows)}</details></div>`;
}

function dots(name: string, colour: number, bins: readonly CalibrationBin[], event: string): ChartSeries {
  const points = bins.flatMap(({ count, meanValue, rate }) =>
    meanValue === undefined || rate === undefined ? [] : [{ x: meanValue, y: rate, note: `${formatShare(meanValue)}: ${formatShare(rate)} of ${formatCount(count)} pixels ${event}` }],
  );
  return { name, colour, points, style: "dots" };
}

function formatRange({ low, high }: CalibrationBin): string {
  return `${low.toFixed(2)} … ${high.toFixed(2)}`;
}

function formatShare(value: number | undefined, decimals: number = 3): string {
  return value?.toFixed(decimals) ?? "–";
}

/** "1 234 567" */
function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, "\u202f");
}
