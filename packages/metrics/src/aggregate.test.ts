import { describe, expect, it } from "vitest";
import { aggregate, aggregateLabelMaps, summarize } from "./aggregate.ts";
import { evaluateLabelMaps, evaluateMask } from "./evaluate.ts";

describe("summarize", () => {
  it("describes the defined values and counts the others", () => {
    expect(summarize([4, undefined, 1, 3, 2, undefined])).toEqual({
      count: 4,
      undefinedCount: 2,
      mean: 2.5,
      standardDeviation: Math.sqrt(5 / 3),
      median: 2.5,
      minimum: 1,
      maximum: 4,
    });
  });

  it("leaves undefined what too few values do not determine", () => {
    expect(summarize([undefined])).toEqual({ count: 0, undefinedCount: 1 });
    expect(summarize([7])).toMatchObject({ count: 1, mean: 7, median: 7, standardDeviation: undefined });
  });

  it.each([Number.NaN, Infinity])("refuses %d", (value) => {
    expect(() => summarize([1, value])).toThrow(expect.objectContaining({ code: "metrics.values" }));
  });
});

describe("aggregate", () => {
  it("summarizes each metric", () => {
    const summary = aggregate([evaluateMask([1, 0], [1, 0]), evaluateMask([0, 0], [1, 0])]);
    expect(summary.dice).toEqual(summarize([1, 0]));
    expect(summary.precision).toEqual(summarize([1, undefined]));
    expect(summary).not.toHaveProperty("hausdorffDistance95");
  });

  it("refuses no cases and cases with different metrics", () => {
    const code = "metrics.cases";
    expect(() => aggregate([])).toThrow(expect.objectContaining({ code }));
    const withSurface = evaluateMask([1], [1], { surface: { shape: [1, 1] } });
    expect(() => aggregate([withSurface, evaluateMask([1], [1])])).toThrow(expect.objectContaining({ code }));
  });
});

describe("aggregateLabelMaps", () => {
  it("summarizes per class and the mean", () => {
    const cases = [
      evaluateLabelMaps([1, 2], [1, 2], { classes: [1, 2] }),
      evaluateLabelMaps([1, 1], [1, 2], { classes: [1, 2] }),
    ];
    const { perClass, mean } = aggregateLabelMaps(cases);
    expect(perClass.map(({ label }) => label)).toEqual([1, 2]);
    expect(perClass.map(({ metrics }) => metrics.dice.mean)).toEqual([(1 + 2 / 3) / 2, 0.5]);
    expect(mean.dice.mean).toBe((1 + 1 / 3) / 2);
  });

  it("refuses cases of different classes", () => {
    const cases = [[1], [2]].map((classes) => evaluateLabelMaps([1], [1], { classes }));
    expect(() => aggregateLabelMaps(cases)).toThrow(expect.objectContaining({ code: "metrics.cases" }));
    expect(() => aggregateLabelMaps([])).toThrow(expect.objectContaining({ code: "metrics.cases" }));
  });
});
