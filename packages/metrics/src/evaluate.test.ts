import { describe, expect, it } from "vitest";
import { evaluateLabelMaps, evaluateMask } from "./evaluate.ts";
import { drawnMask } from "./testing/masks.ts";

describe("evaluateMask", () => {
  const prediction = drawnMask(".##.", ".##.");
  const truth = drawnMask("..##", "..##");

  it("computes the surface metrics only if asked", () => {
    const overlap = evaluateMask(prediction, truth);
    expect(overlap).toEqual({
      dice: 0.5,
      intersectionOverUnion: 1 / 3,
      recall: 0.5,
      precision: 0.5,
      accuracy: 0.5,
      specificity: 0.5,
    });
    expect(evaluateMask(prediction, truth, { surface: { shape: [2, 4], spacing: [1, 2] } })).toEqual({
      ...overlap,
      hausdorffDistance95: 2,
      hausdorffDistance: 2,
      averageSymmetricSurfaceDistance: 1,
      meanSurfaceDistance: 1,
    });
  });

  it("confines every metric to the region", () => {
    const region = drawnMask(".#..", ".#..");
    const metrics = evaluateMask(prediction, truth, { region, surface: { shape: [2, 4] } });
    expect(metrics).toMatchObject({ dice: 0, accuracy: 0, recall: undefined, hausdorffDistance95: undefined });
    const wholly = evaluateMask(prediction, truth, { region: new Uint8Array(8).fill(1), surface: { shape: [2, 4] } });
    expect(wholly).toEqual(evaluateMask(prediction, truth, { surface: { shape: [2, 4] } }));
  });

  it("names an undefined metric instead of leaving it out, and passes the penalty on", () => {
    const empty = new Uint8Array(8);
    const metrics = evaluateMask(empty, truth, { surface: { shape: [2, 4] } });
    expect(Object.keys(metrics)).toContain("hausdorffDistance95");
    expect(metrics).toMatchObject({ dice: 0, recall: 0, precision: undefined, hausdorffDistance95: undefined });
    expect(evaluateMask(empty, truth, { surface: { shape: [2, 4], emptyPenalty: 50 } }).hausdorffDistance95).toBe(50);
  });
});

describe("evaluateLabelMaps", () => {
  const prediction = [0, 1, 1, 2, 0, 0];
  const truth = [0, 1, 2, 2, 0, 0];

  it("evaluates each class against the rest, and averages", () => {
    const { perClass, mean, undefinedCounts } = evaluateLabelMaps(prediction, truth, { classes: [1, 2] });
    expect(perClass.map(({ label }) => label)).toEqual([1, 2]);
    expect(perClass.map(({ metrics }) => metrics.dice)).toEqual([2 / 3, 2 / 3]);
    expect(perClass.map(({ metrics }) => metrics.recall)).toEqual([1, 0.5]);
    expect(mean).toMatchObject({ dice: 2 / 3, recall: 0.75, precision: 0.75 });
    expect(mean).not.toHaveProperty("hausdorffDistance95");
    expect(undefinedCounts).toMatchObject({ dice: 0, recall: 0 });
  });

  it("averages over the classes that have a value and counts the others", () => {
    const { mean, undefinedCounts } = evaluateLabelMaps(prediction, [0, 1, 1, 0, 0, 0], {
      classes: [1, 2, 3],
      surface: { shape: [2, 3] },
    });
    expect(mean).toMatchObject({ dice: 2 / 3, recall: 1, hausdorffDistance95: 0 });
    expect(undefinedCounts).toMatchObject({ dice: 0, recall: 1, precision: 0, hausdorffDistance95: 1 });
    const none = evaluateLabelMaps([1], [0], { classes: [1] });
    expect(none.mean.recall).toBeUndefined();
  });

  it("refuses an empty or repeating class list, probabilities and different lengths", () => {
    for (const classes of [[], [1, 1]]) {
      expect(() => evaluateLabelMaps(prediction, truth, { classes })).toThrow(
        expect.objectContaining({ code: "metrics.classes" }),
      );
    }
    expect(() => evaluateLabelMaps([0.5], [1], { classes: [1] })).toThrow(
      expect.objectContaining({ code: "metrics.label-values" }),
    );
    expect(() => evaluateLabelMaps([1], truth, { classes: [1] })).toThrow(expect.objectContaining({ code: "metrics.length" }));
  });
});
