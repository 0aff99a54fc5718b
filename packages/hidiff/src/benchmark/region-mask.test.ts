import { Generator } from "@hidiff/core-tensor/random";
import { expect, it } from "vitest";
import { regionMask } from "./region-mask.ts";

it.each([1, 2, 9])("draws regions of each of %d classes, one class per pixel", (classes) => {
  const size = 64;
  const mask = regionMask(new Generator(3), size, classes);
  const ofPixel = (pixel: number): Float32Array => mask.subarray(pixel * classes, (pixel + 1) * classes);
  const labels = Array.from({ length: size * size }, (_, pixel) => (classes === 1 ? mask[pixel]! : ofPixel(pixel).indexOf(1)));
  expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
  if (classes > 1) expect(mask.reduce((sum, value) => sum + value, 0)).toBe(size * size);
  expect(new Set(labels).size).toBe(Math.max(2, classes));
  // regions, not noise: nearly all neighbours have the same class
  const changes = labels.filter((label, pixel) => pixel % size > 0 && label !== labels[pixel - 1]).length;
  expect(changes).toBeLessThan(0.2 * size * size);
});
