import type { MaskMetrics } from "@hidiff/metrics";
import type { EvaluationReport } from "hidiff";
import { describe, expect, it } from "vitest";
import { skippedCases, summarizeClasses, summarizeReports } from "./summary.ts";
import { classTables, comparisonRows, formatDifference, formatProbability, formatSummary, metricsCsv, smallObjectRows, smallObjectsCsv } from "./tables.ts";
import { testReport } from "./testing.ts";

function scores(dice: number | undefined): MaskMetrics {
  return { dice, intersectionOverUnion: 0.5, recall: 0.5, precision: 0.5, accuracy: 0.5, specificity: 0.5 };
}

/** A report with these Dice scores: prior and refined of each image. */
function report(seed: number, pairs: readonly (readonly [number | undefined, number | undefined])[]): EvaluationReport {
  return testReport(seed, pairs.map(([prior, refined], index) => ({ id: `image-${index}`, prior: scores(prior), refined: scores(refined) })));
}

/** One image of two organs. */
function organs(seed: number, liver: readonly [number, number], spleen: readonly [number, number]): EvaluationReport {
  const perClass = [liver, spleen].map(([prior, refined]) => ({ prior: scores(prior), refined: scores(refined) }));
  const mean = (which: 0 | 1): MaskMetrics => scores((liver[which] + spleen[which]) / 2);
  return testReport(seed, [{ id: "ct", prior: mean(0), refined: mean(1), perClass }], ["liver", "spleen"]);
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

describe("summarizeClasses", () => {
  const reports = [organs(1, [0.5, 0.6], [0.1, 0.3]), organs(2, [0.5, 0.8], [0.1, 0.2])];

  it("takes each class by itself, over images and seeds", () => {
    const dice = summarizeClasses(reports).map(({ name, summaries: own }) => [name, own[0]!.prior.mean, own[0]!.refined.mean, own[0]!.seeds.mean]);
    expect(dice).toEqual([["liver", 0.5, expect.closeTo(0.7, 12), expect.closeTo(0.7, 12)], ["spleen", 0.1, 0.25, 0.25]]);
    expect(summarizeReports(reports)[0]!.refined.mean).toBeCloseTo(0.475, 12);
  });

  it("has a table per metric with a row per class", () => {
    const [table, ...others] = classTables(summarizeClasses(reports));
    expect(others).toEqual([]); // there are no distances
    expect(table!.label).toBe("Dice");
    expect(table!.rows.map((row) => row.slice(0, 4))).toEqual([["liver", "0.5000", "0.7000", "+0.2000"], ["spleen", "0.1000", "0.2500", "+0.1500"]]);
  });

  it("is a line per class and their mean in the CSV", () => {
    const lines = metricsCsv(reports.slice(0, 1)).trim().split("\n");
    expect(lines[0]).toMatch(/^seed,image,class,prior_dice,/);
    expect(lines.slice(1).map((line) => line.split(",").slice(0, 4).join())).toEqual(["1,ct,liver,0.5", "1,ct,spleen,0.1", "1,ct,mean,0.3"]);
  });
});

it("cases that one seed had to skip are known by their names", () => {
  const [first, second] = [report(1, [[0.5, 0.6], [0.6, 0.8]]), report(2, [[0.5, 0.8]])];
  const summaries = summarizeReports([first, { ...second, skipped: [{ id: "image-1", reason: "torn" }] }]);
  expect(summaries[0]!.refined.mean).toBeCloseTo((0.7 + 0.8) / 2, 12);
  const skipped = { ...second, skipped: [{ id: "image-1", reason: "torn" }] };
  expect(skippedCases([skipped, skipped])).toEqual([{ id: "image-1", reason: "torn" }]);
});

it("small objects have a row per class, and a line per image in a file of their own", () => {
  const found = (detectedCount: number, dice: number | undefined) => ({ count: 3, detectedCount, spuriousCount: 1, metrics: { dice } });
  const smallObjects = { prior: found(1, undefined), refined: found(2, 0.4) };
  const plain = report(1, [[0.5, 0.6]]);
  const withObjects = (scored: EvaluationReport): EvaluationReport => ({
    ...scored,
    cases: scored.cases.map((one) => ({ ...one, perClass: one.perClass.map((own) => ({ ...own, smallObjects })) })),
    perClass: scored.perClass.map((own) => ({ ...own, smallObjects })),
  });
  expect(smallObjectRows(plain)).toEqual([]);
  expect(smallObjectRows(withObjects(plain))).toEqual([["vessel", "3", "1", "2", "1", "1", "–", "0.4000"]]);
  const [header, line] = smallObjectsCsv([withObjects(plain)]).trim().split("\n").map((text) => text.split(","));
  expect(Object.fromEntries(header!.map((name, column) => [name, line![column]]))).toMatchObject({
    image: "image-0",
    class: "vessel",
    objects: "3",
    prior_detected: "1",
    refined_detected: "2",
    prior_dice: "",
    refined_dice: "0.4",
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
