import { expect, it } from "vitest";
import { checkLabelValues, classNumbers, distinctValues, mapLabels } from "./label-values.ts";

const labels = { values: new Map([[0, 0], [1, 1], [4, 3]]), remedy: "Restore it." };

it("finds the values that occur, scaled, with rounding of the scale forgiven", () => {
  expect(distinctValues([2, 2, 0, 1, 1, 2])).toEqual([0, 1, 2]);
  expect(distinctValues(Int16Array.of(10, 20, 0), Math.fround(0.1))).toEqual([0, 1, 2]);
  expect(distinctValues(Float32Array.of(0.5, 3))).toEqual([0.5, 3]);
  expect(distinctValues(Uint8Array.of(3, 5), 1, -3)).toEqual([0, 2]);
  expect(distinctValues([])).toEqual([]);
  expect(distinctValues(Float32Array.from({ length: 100000 }, (_, i) => i)).length).toBeLessThan(1000);
});

it("maps values to classes, and lists those that are unknown", () => {
  expect([...classNumbers(Float32Array.of(4, 4, 0, 1, 4), labels, "a.nii")]).toEqual([3, 3, 0, 1, 3]);
  expect(() => classNumbers([0, 2, 3, 2], labels, "a.nii")).toThrow(/"a\.nii" holds the values 2, 3; expected only 0, 1, 4\. Restore it\./);
  expect(() => checkLabelValues([-1], labels, "a.nii")).toThrow(/holds the value -1;/);
  expect(() => checkLabelValues(Array.from({ length: 20 }, (_, i) => i + 5), labels, "a.nii")).toThrow(/values 5, 6, 7, 8, 9, 10, 11, 12, …;/);
});

it("maps slices when they are asked for, each the caller's own", () => {
  const stack = { depth: 1, height: 1, width: 3, slice: () => Uint8Array.of(0, 4, 1) };
  const mapped = mapLabels(stack, labels.values);
  expect(Array.from(mapped.slice(0))).toEqual([0, 3, 1]);
  expect(mapLabels(stack, new Map([[0, 0], [1, 1]]))).toBe(stack);
});
