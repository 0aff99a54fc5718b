import { describe, expect, it } from "vitest";
import { boxPlot } from "./box-plot.ts";
import { differencePlot } from "./difference-plot.ts";
import { lineChart } from "./line-chart.ts";
import { decadeTicks, roundTicks, tickLabel } from "./ticks.ts";

const size = { width: 400, height: 200 };

describe("ticks", () => {
  it("are round numbers within the range, its ends included", () => {
    expect(roundTicks(0, 1, 5).map(tickLabel)).toEqual(["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    expect(roundTicks(-0.013, 0.021, 4).map(tickLabel)).toEqual(["−0.01", "0", "0.01", "0.02"]);
    expect(decadeTicks(0.04, 3)).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2]);
    expect(decadeTicks(1e-6, 2)).toEqual([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1].map((tick) => expect.closeTo(tick, 12)));
  });

  it("have short labels", () => {
    expect([0.1 + 0.2, 5e-5, 20_000, -2].map(tickLabel)).toEqual(["0.3", "5e−5", "20000", "−2"]);
  });
});

describe("lineChart", () => {
  const chart = { title: "Rates", x: { label: "x", range: [0, 10] as const }, y: { label: "y", range: [0, 1] as const } };

  it("places points by the axes, and tells what they are", () => {
    const series = [{ name: "<a>", colour: 1, style: "dots" as const, points: [{ x: 0, y: 0 }, { x: 10, y: 1, note: "the end" }] }];
    const svg = lineChart({ ...chart, series }, size);
    expect(svg).toContain(`points="52.0,156.0 386.0,44.0"`);
    expect(svg).toContain("<title>&lt;a&gt;: the end</title>");
    expect(lineChart({ ...chart, x: { ...chart.x, reversed: true }, series }, size)).toContain(`points="386.0,156.0 52.0,44.0"`);
  });

  it("is nothing without points", () => {
    expect(lineChart({ ...chart, series: [{ name: "a", colour: 0, style: "line", points: [] }] }, size)).toBe("");
  });
});

describe("differencePlot", () => {
  const plot = { title: "Changes", label: "Dice", higherIsBetter: true, mean: 0.1, interval: [0.05, 0.15] as const };

  it("has a bar a case, in ascending order, up or down from zero", () => {
    const svg = differencePlot({ ...plot, differences: [{ name: "up", value: 0.4 }, { name: "down", value: -0.2 }] }, size);
    const bars = [...svg.matchAll(/<rect class="bar series-(\d)"[^>]*y="([\d.]+)" height="([\d.]+)"><title>(\w+): ([^<]*)</g)].map(([, ...found]) => found);
    expect(bars.map(([series, , , name, value]) => [series, name, value])).toEqual([["2", "down", "−0.2"], ["1", "up", "+0.4"]]);
    const [down, up] = bars.map(([, y, height]) => [Number(y), Number(height)]);
    expect(up![1]! / down![1]!).toBeCloseTo(2, 1);
    expect(up![0]! + up![1]!).toBeCloseTo(down![0]!, 0); // both begin at zero
  });

  it("calls a smaller distance better", () => {
    const svg = differencePlot({ ...plot, higherIsBetter: false, differences: [{ name: "a", value: -3 }] }, size);
    expect(svg).toContain(`<rect class="bar series-1"`);
  });
});

it("boxPlot has dots for outliers only where there are very many cases", () => {
  const values = [...Array.from({ length: 1000 }, (_, index) => 0.5 + index / 10_000), 0.1];
  const svg = boxPlot({ title: "", label: "", rows: [{ name: "a", colour: 0, values, cases: values.map((_, index) => `case ${index}`) }] }, 400);
  expect([...svg.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title)).toEqual(["case 1000: 0.1"]);
});
