import { describe, expect, it } from "vitest";
import { evaluateMask } from "./evaluate.ts";
import { evaluateObjects, keepSmallObjects } from "./objects.ts";
import { drawnMask } from "./testing/masks.ts";

const shape = [4, 8];
const truth = drawnMask(
  "##....#.", //
  "##......",
  "##..##..",
  "........",
);
const prediction = drawnMask(
  "##......", //
  "##......",
  "....#...",
  "#......#",
);

describe("keepSmallObjects", () => {
  it("keeps the objects below the threshold", () => {
    expect(keepSmallObjects(truth, { shape, sizeThreshold: 6 })).toEqual(
      drawnMask("......#.", "........", "....##..", "........"),
    );
    expect(keepSmallObjects(truth, { shape, sizeThreshold: 2 })).toEqual(
      drawnMask("......#.", "........", "........", "........"),
    );
    expect(keepSmallObjects(truth, { shape, sizeThreshold: Infinity })).toEqual(truth);
    expect(keepSmallObjects([], { shape: [0, 0], sizeThreshold: 5 })).toHaveLength(0);
  });

  it.each([0, -3, Number.NaN])("refuses the threshold %d", (sizeThreshold) => {
    expect(() => keepSmallObjects(truth, { shape, sizeThreshold })).toThrow(
      expect.objectContaining({ code: "metrics.threshold" }),
    );
  });
});

describe("evaluateObjects", () => {
  it("compares each object with the components that overlap it", () => {
    const { objects, detectedCount, spuriousCount } = evaluateObjects(prediction, truth, { shape });
    expect(objects.map(({ size }) => size)).toEqual([6, 1, 2]);
    expect(objects.map(({ detected }) => detected)).toEqual([true, false, true]);
    expect(objects.map(({ metrics }) => metrics.dice)).toEqual([8 / 10, 0, 2 / 3]);
    expect(objects.map(({ metrics }) => metrics.precision)).toEqual([1, undefined, 1]);
    expect(detectedCount).toBe(2);
    expect(spuriousCount).toBe(2);
    expect(objects[0]!.metrics).not.toHaveProperty("accuracy");
  });

  it("evaluates only objects below the threshold", () => {
    const { objects, spuriousCount } = evaluateObjects(prediction, truth, { shape, sizeThreshold: 6 });
    expect(objects.map(({ size }) => size)).toEqual([1, 2]);
    expect(spuriousCount).toBe(2);
    expect(evaluateObjects(prediction, truth, { shape, sizeThreshold: 1 })).toMatchObject({ objects: [], spuriousCount: 0 });
  });

  it("gives one component that covers two objects to both, less the other object", () => {
    const two = drawnMask("##..##");
    const one = drawnMask("######");
    const { objects } = evaluateObjects(one, two, { shape: [1, 6] });
    expect(objects.map(({ metrics }) => metrics.precision)).toEqual([0.5, 0.5]);
    expect(objects.map(({ metrics }) => metrics.recall)).toEqual([1, 1]);
  });

  it.each([
    { shape: [4, 8], spacing: [0.5, 3] },
    { shape: [4, 2, 4], spacing: [2, 0.5, 3] },
  ])("agrees with the whole masks if there is one object: %o", ({ shape: size, spacing }) => {
    const object = drawnMask("........", ".##.....", ".##.....", "........");
    const found = drawnMask("........", "..#.....", ".###....", "........");
    const { objects } = evaluateObjects(found, object, { shape: size, surface: { spacing } });
    const { accuracy: _accuracy, specificity: _specificity, ...whole } = evaluateMask(found, object, {
      surface: { shape: size, spacing },
    });
    expect(objects.map(({ metrics }) => metrics)).toEqual([whole]);
  });

  it("passes the penalty of a missed object on", () => {
    const surface = { emptyPenalty: 40 };
    const { objects } = evaluateObjects(new Uint8Array(32), truth, { shape, surface });
    expect(objects.map(({ metrics }) => metrics.hausdorffDistance95)).toEqual([40, 40, 40]);
  });

  it("handles masks without objects", () => {
    const empty = new Uint8Array(32);
    expect(evaluateObjects(empty, empty, { shape })).toEqual({ objects: [], detectedCount: 0, spuriousCount: 0 });
    expect(evaluateObjects(truth, empty, { shape }).spuriousCount).toBe(3);
  });
});
