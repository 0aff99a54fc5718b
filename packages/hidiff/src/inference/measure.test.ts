import type { ImageStack } from "@hidiff/datasets";
import { expect, it } from "vitest";
import { measureClasses } from "./measure.ts";

function map(slices: readonly (readonly number[])[], channels: number): ImageStack {
  return { depth: slices.length, height: 1, width: 2, channels, spacing: [1, 1, 1], outside: [], slice: (index) => Float32Array.from(slices[index]!) };
}

const size = { depth: 2, height: 1, width: 2, prior: undefined };

it("counts the voxels of one class, and averages its maps over them", () => {
  const labels = Uint8Array.of(0, 1, 1, 0);
  const found = measureClasses({ ...size, classes: 1, labels, priorLabels: labels, probability: map([[0.25, 0.75], [1, 0.5]], 1), uncertainty: map([[0, 0.125], [0, 0]], 1) });
  expect(found).toEqual([{ label: 1, voxels: 2, meanProbability: 0.875, meanUncertainty: 0.0625 }]);
});

it("takes each class's own channel, and has no mean where there is no voxel or no map", () => {
  const labels = Uint8Array.of(2, 0, 2, 2);
  const probability = map([[0, 0.5, 0.5, 1, 0, 0], [0, 0.25, 0.75, 0, 0, 1]], 3);
  expect(measureClasses({ ...size, classes: 3, labels, priorLabels: labels, probability, uncertainty: undefined })).toEqual([
    { label: 1, voxels: 0, meanProbability: undefined, meanUncertainty: undefined },
    { label: 2, voxels: 3, meanProbability: 0.75, meanUncertainty: undefined },
  ]);
});
