import { aggregate, type MaskMetrics, pairedComparison } from "@hidiff/metrics";
import type { EvaluationReport } from "hidiff";
import { describe, expect, it } from "vitest";
import { summarizeReports } from "./summary.ts";
import { comparisonRows, formatDifference, formatProbability, formatSummary, metricsCsv } from "./tables.ts";

function scores(dice: number | undefined): MaskMetrics {
  return { dice, intersectionOverUnion: 0.5, recall: 0.5, precision: 0.5, accuracy: 0.5, specificity: 0.5 };
}

/** A report with these Dice scores: prior and refined of each image. */
function report(seed: number, pairs: readonly (readonly [number | undefined, number | undefined])[]): EvaluationReport {
  const cases = pairs.map(([prior, refined], index) => ({ id: `image-${index}`, prior: scores(prior), refined: scores(refined) }));
  return {
    dataset: "test",
    split: "test",
    seed,
    cases,
    prior: aggregate(cases.map(({ prior }) => prior)),
    refined: aggregate(cases.map(({ refined }) => refined)),
    comparison: pairedComparison([], []),
  };
}

describe("summarizeReports", () => {
  const summaries = summarizeReports([report(1, [[0.5, 0.6], [0.7, 0.7]]), report(2, [[0.5, 0.8], [0.7, 0.8]])]);
  const dice = summaries.find(({ metric }) => metric.name === "dice")!;

  it("averages each image over seeds before it averages over images", () => {
    expect(dice.prior.mean).toBeCloseTo(0.6, 12);
    expect(dice.refined.mean).toBeCloseTo((0.7 + 0.75) / 2, 12);
    // of 0.7 and 0.75, n − 1
    expect(dice.refined.standardDeviation).toBeCloseTo(0.05 / Math.SQRT2, 12);
    expect(dice.comparison.meanDifference).toBeCloseTo(0.125, 12);
    expect(dice.comparison.improvedCount).toBe(2);
  });

  it("tells the spread of the mean over seeds", () => {
    // means 0.65 and 0.8
    expect(dice.seeds.mean).toBeCloseTo(0.725, 12);
    expect(dice.seeds.standardDeviation).toBeCloseTo(0.15 / Math.SQRT2, 12);
  });

  it("shows only metrics that there are", () => {
    expect(summaries.map(({ metric }) => metric.column)).toEqual(["dice", "iou", "recall", "precision", "accuracy", "specificity"]);
  });

  it("leaves out images without a value and says so", () => {
    const [row] = comparisonRows(summarizeReports([report(1, [[0.5, 0.6], [undefined, 0.7]])]));
    expect(row!.slice(0, 4)).toEqual(["Dice", "0.5000 (1 without)", "0.6500 ± 0.0707", "+0.1000"]);
  });
});

it("metricsCsv has a line per image and seed", () => {
  const lines = metricsCsv([report(1, [[0.5, 0.6]]), report(2, [[0.5, undefined]])]).trim().split("\n");
  expect(lines[0]).toBe(
    "seed,image,prior_dice,prior_iou,prior_recall,prior_precision,prior_accuracy,prior_specificity," +
      "refined_dice,refined_iou,refined_recall,refined_precision,refined_accuracy,refined_specificity",
  );
  expect(lines.slice(1)).toEqual(["1,image-0,0.5,0.5,0.5,0.5,0.5,0.5,0.6,0.5,0.5,0.5,0.5,0.5", "2,image-0,0.5,0.5,0.5,0.5,0.5,0.5,,0.5,0.5,0.5,0.5,0.5"]);
});

it("numbers are written for people", () => {
  expect(formatDifference(-0.01234, 4)).toBe("−0.0123");
  expect(formatDifference(-0.00001, 4)).toBe("0.0000");
  expect(formatDifference(undefined, 4)).toBe("–");
  expect(formatProbability(0.00001)).toBe("< 0.0001");
  expect(formatProbability(0.0078125)).toBe("0.0078");
  const nothing = { count: 0, undefinedCount: 2, mean: undefined, standardDeviation: undefined, median: undefined, minimum: undefined, maximum: undefined };
  expect(formatSummary(nothing, 2)).toBe("–");
});
