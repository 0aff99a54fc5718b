import { describe, expect, it } from "vitest";
import { testReport } from "../evaluate/testing.ts";
import { methodBoxPlot } from "./box-plot.ts";
import { comparisonPage } from "./page.ts";
import { compareModels, type ComparedModel } from "./statistics.ts";
import { methodHeader, methodRows, pairRows, pairsCsv, tellingPairs, valuesCsv } from "./tables.ts";

const metrics = (dice: number | undefined, hausdorffDistance95?: number): never =>
  ({ dice, intersectionOverUnion: dice, recall: 1, precision: 1, accuracy: 1, specificity: 1, hausdorffDistance95 }) as never;

function model(name: string, cases: Record<string, [prior: number, refined: number]>, seeds: readonly number[] = [1]): ComparedModel {
  const inputs = Object.entries(cases).map(([id, [prior, refined]]) => ({ id, prior: metrics(prior, 10 - prior), refined: metrics(refined, 10 - refined) }));
  return { name, reports: seeds.map((seed) => testReport(seed, inputs)) };
}

const ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
const small = model("small", Object.fromEntries(ids.map((id, index) => [id, [0.5 + index / 100, 0.6 + index / 100 + index / 1000]])));
const large = model("large", Object.fromEntries([...ids, "only here"].map((id, index) => [id, [0.7 + index / 100, 0.7 + index / 100 + 0.001 * (index - 3)]])));

describe("compareModels", () => {
  const comparison = compareModels([small, large]);
  const dice = comparison.metrics.find(({ metric }) => metric.name === "dice")!;

  it("has each model with and without refinement, on the cases of all", () => {
    expect(comparison.methods.map(({ name }) => name)).toEqual(["small", "small, refined", "large", "large, refined"]);
    expect(comparison.cases).toEqual(ids);
    expect(dice.values[0]).toEqual(ids.map((_, index) => 0.5 + index / 100));
    expect(dice.values[3]!.at(-1)).toBeCloseTo(0.774, 12);
    expect(dice.summaries[1]!.mean).toBeCloseTo(0.6385, 12);
  });

  it("finds the best mean, which for distances is the smallest", () => {
    expect(dice.best).toBe(3);
    expect(comparison.metrics.find(({ metric }) => metric.name === "hausdorffDistance95")!.best).toBe(3);
  });

  it("tests all pairs, adjusted by Holm's method", () => {
    expect(dice.pairs.map(({ first, second }) => [first, second])).toEqual([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
    const [refinement] = dice.pairs;
    expect(refinement!.comparison.meanDifference).toBeCloseTo(0.1035, 12);
    expect([refinement!.comparison.improvedCount, refinement!.comparison.worsenedCount]).toEqual([8, 0]);
    // Eight differences of one sign and of different sizes: exactly 2 of the 2^8 choices of signs are as extreme.
    expect(refinement!.comparison.wilcoxon.pValue).toBeCloseTo(2 / 256, 12);
    const pOf = ({ comparison: { wilcoxon } }: (typeof dice.pairs)[number]): number => wilcoxon.pValue;
    for (const pair of dice.pairs) {
      // Holm's own formula: the largest, over the smaller p-values, of p times the number of those that are not smaller.
      const steps = dice.pairs.filter((other) => pOf(other) <= pOf(pair)).map((other) => pOf(other) * dice.pairs.filter((third) => pOf(third) >= pOf(other)).length);
      expect(pair.adjustedP).toBeCloseTo(Math.min(1, Math.max(...steps)), 12);
    }
  });

  it("takes the mean over seeds of each case", () => {
    const [first, second] = [model("m", { a: [0.2, 0.4], b: [0.5, 0.5] }), model("m", { a: [0.2, 0.8], b: [0.5, 0.7] })];
    const both = compareModels([{ name: "m", reports: [...first.reports, ...second.reports] }]);
    expect(both.metrics[0]!.values).toEqual([[0.2, 0.5], [expect.closeTo(0.6, 12), expect.closeTo(0.6, 12)]]);
  });

  it("compares one model with itself, and undefined values with nothing", () => {
    const report = testReport(1, [{ id: "a", prior: metrics(0, undefined), refined: metrics(0.5, 3) }]);
    const alone = compareModels([{ name: "m", reports: [report] }]);
    const distance = alone.metrics.find(({ metric }) => metric.name === "hausdorffDistance95")!;
    expect(distance.pairs[0]).toMatchObject({ adjustedP: undefined, comparison: { count: 0 } });
    expect(distance.best).toBe(1);
  });

  it("is written as tables", () => {
    expect(methodHeader(comparison).slice(0, 3)).toEqual(["", "Dice", "IoU"]);
    const rows = methodRows(comparison, (cell) => `${cell} *`);
    expect(rows[0]!.slice(0, 2)).toEqual(["small", "0.5350 ± 0.0245"]);
    expect(rows[3]![1]).toMatch(/ \*$/);
    expect(tellingPairs(comparison, dice).map(({ first, second }) => [first, second])).toEqual([[0, 1], [0, 3], [1, 3], [2, 3]]);
    expect(pairRows(comparison, dice, dice.pairs)[0]!.slice(0, 2)).toEqual(["small → small, refined", "+0.1035"]);
    expect(valuesCsv(comparison).split("\n")[1]).toMatch(/^a,small,false,0\.5,0\.5,/);
    expect(valuesCsv(comparison).trim().split("\n")).toHaveLength(1 + 8 * 4);
    expect(pairsCsv(comparison).split("\n")[1]).toMatch(/^dice,small,"small, refined",8,0\.103/);
  });

  it("is drawn: a box of the quartiles, whiskers and a dot a case for every method", () => {
    const plot = methodBoxPlot(comparison, dice, 600, true);
    expect(plot.match(/<circle /g)).toHaveLength(4 * 8);
    expect(plot.match(/<rect /g)).toHaveLength(4);
    expect(plot).toMatch(/^<svg class="chart" xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    // The first method's values are 0.50 … 0.57: quartiles 0.5175 and 0.5525 of a span from 0.5 to 0.774.
    const [, left, width] = /<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/.exec(plot)!.map(Number);
    const pixels = (600 - 28) / (0.274 * 1.08);
    expect(left).toBeCloseTo(12 + (0.0175 + 0.274 * 0.04) * pixels, 0);
    expect(width).toBeCloseTo(0.035 * pixels, 0);
    const page = comparisonPage({ comparison, dataset: "eyes <&>", split: "test", units: "cases", facts: [["Seeds", "1"]] });
    expect(page).toContain("eyes &lt;&amp;&gt;");
    expect(page.match(/<svg /g)!.length).toBeGreaterThanOrEqual(4);
    // Numbers break before ± only: all other spaces within them are no-break ones.
    expect(page).toContain("<td>0.5350 ±\u00a00.0245</td>");
    expect(page).toMatch(/<td>★\u00a00\.[0-9]{4} ±\u00a00\.[0-9]{4}<\/td>/);
  });
});
