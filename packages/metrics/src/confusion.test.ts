import { describe, expect, it } from "vitest";
import {
  accuracy,
  confusionCounts,
  dice,
  intersectionOverUnion,
  precision,
  recall,
  specificity,
} from "./confusion.ts";

function all(prediction: number[], truth: number[]): (number | undefined)[] {
  const counts = confusionCounts(prediction, truth);
  return [dice, intersectionOverUnion, recall, precision, specificity, accuracy].map((metric) => metric(counts));
}

describe("confusionCounts", () => {
  it("counts the four cases", () => {
    expect(confusionCounts([1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0])).toEqual({
      truePositive: 1,
      falsePositive: 2,
      falseNegative: 1,
      trueNegative: 3,
    });
  });

  it("takes any array of numbers", () => {
    const prediction = [1, 0, 1, 1];
    const truth = [1, 1, 0, 1];
    const expected = confusionCounts(prediction, truth);
    for (const kind of [Uint8Array, Int32Array, Float32Array, Uint8ClampedArray]) {
      expect(confusionCounts(kind.from(prediction), kind.from(truth))).toEqual(expected);
    }
  });

  it("counts inside the region only", () => {
    const counts = confusionCounts([1, 1, 0, 0], [1, 0, 1, 0], { region: [1, 1, 0, 0] });
    expect(counts).toEqual({ truePositive: 1, falsePositive: 1, falseNegative: 0, trueNegative: 0 });
  });

  it("refuses arrays of different lengths, naming the wrong one", () => {
    expect(() => confusionCounts([1, 0], [1])).toThrow(
      expect.objectContaining({ code: "metrics.length", message: expect.stringContaining("2 elements in the truth, got 1") }),
    );
    expect(() => confusionCounts([1], [1], { region: [1, 1] })).toThrow(
      expect.objectContaining({ code: "metrics.length", message: expect.stringContaining("region") }),
    );
  });

  it.each([0.5, 2, 255, -1, Number.NaN])("refuses the mask value %d", (value) => {
    expect(() => confusionCounts([0, value], [0, 1])).toThrow(
      expect.objectContaining({ code: "metrics.mask-values", message: expect.stringContaining("prediction") }),
    );
    expect(() => confusionCounts([0, 1], [0, value])).toThrow(expect.objectContaining({ code: "metrics.mask-values" }));
  });
});

describe("overlap metrics", () => {
  it("follow their formulas", () => {
    // TP 2, FP 1, FN 3, TN 4.
    const values = all([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 1, 1, 1, 0, 0, 0, 0]);
    expect(values).toEqual([4 / 8, 2 / 6, 2 / 5, 2 / 3, 4 / 5, 6 / 10]);
  });

  it.each([
    ["both empty", [0, 0], [0, 0], [1, 1, 1, 1, 1, 1]],
    ["only the prediction empty", [0, 0], [1, 0], [0, 0, 0, undefined, 1, 0.5]],
    ["only the truth empty", [1, 0], [0, 0], [0, 0, undefined, 0, 0.5, 0.5]],
    ["both full", [1, 1], [1, 1], [1, 1, 1, 1, 1, 1]],
    ["only the prediction full", [1, 1], [1, 0], [2 / 3, 0.5, 1, 0.5, 0, 0.5]],
    ["only the truth full", [1, 0], [1, 1], [2 / 3, 0.5, 0.5, 1, undefined, 0.5]],
    ["no elements", [], [], [1, 1, 1, 1, 1, 1]],
    ["one equal element", [1], [1], [1, 1, 1, 1, 1, 1]],
    ["one different element", [1], [0], [0, 0, undefined, 0, 0, 0]],
  ])("follow the policy for empty masks: %s", (_name, prediction, truth, expected) => {
    expect(all(prediction, truth)).toEqual(expected);
  });
});
