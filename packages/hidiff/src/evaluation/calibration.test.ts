import { Generator } from "@hidiff/core-tensor/random";
import type { ImageStack } from "@hidiff/datasets";
import { describe, expect, it } from "vitest";
import { CalibrationCollector } from "./calibration.ts";
import type { EvaluatedCase } from "./evaluate.ts";

const size = { depth: 2, height: 6, width: 5 };
const voxels = size.depth * size.height * size.width;

/** A case of random maps, labels and truth, of which some voxels do not count. */
function randomCase(seed: number, classes: number, { uncertain = true } = {}): { evaluated: EvaluatedCase; maps: Record<"probability" | "prior" | "uncertainty", Float32Array> } {
  const random = new Generator(seed);
  const values = (high: number): Float32Array => Float32Array.from({ length: voxels * classes }, () => random.uniform() * high);
  const labels = (): Uint8Array => Uint8Array.from({ length: voxels }, () => Math.floor(random.uniform() * Math.max(2, classes)));
  const maps = { probability: values(1), prior: values(1), uncertainty: values(0.25) };
  const stack = (data: Float32Array): ImageStack => ({
    ...size,
    channels: classes,
    spacing: [1, 1, 1],
    outside: new Array<number>(classes).fill(0),
    slice: (index) => data.slice((index * data.length) / 2, ((index + 1) * data.length) / 2),
  });
  const segmentation = {
    ...size,
    classes,
    labels: labels(),
    priorLabels: labels(),
    probability: stack(maps.probability),
    prior: stack(maps.prior),
    uncertainty: uncertain ? stack(maps.uncertainty) : undefined,
  };
  const region = labels().map((label) => (label === 0 ? 0 : 1));
  return { evaluated: { id: `case ${seed}`, image: stack(maps.prior), segmentation, truth: labels(), region, scores: [] }, maps };
}

/** Bins by definition: those pixels of all cases whose value lies within. */
function binsOf(pixels: readonly { readonly value: number; readonly happened: boolean }[], high: number) {
  return Array.from({ length: 10 }, (_, index) => {
    const own = pixels.filter(({ value }) => value >= (high * index) / 10 && value < (high * (index + 1)) / 10);
    return { count: own.length, rate: own.length === 0 ? undefined : expect.closeTo(own.filter(({ happened }) => happened).length / own.length, 12) as number };
  });
}

describe.each([1, 3])("CalibrationCollector, with %d class(es)", (classes) => {
  const cases = [randomCase(1, classes), randomCase(2, classes)];
  const collector = new CalibrationCollector();
  for (const { evaluated } of cases) collector.add(evaluated);
  const report = collector.report();
  const pixels = (pick: (evaluated: EvaluatedCase, maps: (typeof cases)[0]["maps"], voxel: number) => { value: number; happened: boolean }) =>
    cases.flatMap(({ evaluated, maps }) =>
      Array.from({ length: voxels }, (_, voxel) => voxel)
        .filter((voxel) => evaluated.region![voxel] === 1)
        .map((voxel) => pick(evaluated, maps, voxel)),
    );
  const largest = (map: Float32Array, voxel: number): number => Math.max(...map.subarray(voxel * classes, (voxel + 1) * classes));

  it.each(["prior", "refined"] as const)("the reliability of %s is counted within the region", (source) => {
    const own = pixels(({ segmentation, truth }, maps, voxel) => ({
      value: largest(source === "prior" ? maps.prior : maps.probability, voxel),
      happened: classes === 1 ? truth[voxel] === 1 : (source === "prior" ? segmentation.priorLabels : segmentation.labels)[voxel] === truth[voxel],
    }));
    const { bins, expectedCalibrationError } = report[source];
    expect(bins.map(({ count, rate }) => ({ count, rate }))).toEqual(binsOf(own, 1));
    const gaps = bins.map((_, index) => {
      const inside = own.filter(({ value }) => value >= index / 10 && value < (index + 1) / 10);
      return Math.abs(inside.reduce((sum, { value, happened }) => sum + value - Number(happened), 0));
    });
    expect(expectedCalibrationError).toBeCloseTo(gaps.reduce((sum, gap) => sum + gap, 0) / own.length, 12);
  });

  it("errors are counted by the standard deviation", () => {
    const own = pixels(({ segmentation, truth }, maps, voxel) => ({
      value: Math.sqrt(largest(maps.uncertainty, voxel)),
      happened: segmentation.labels[voxel] !== truth[voxel],
    }));
    expect(report.uncertainty!.map(({ count, rate }) => ({ count, rate }))).toEqual(binsOf(own, 0.5));
  });
});

it("CalibrationCollector knows no uncertainty of one sample", () => {
  const collector = new CalibrationCollector();
  collector.add(randomCase(1, 1, { uncertain: false }).evaluated);
  expect(collector.report().uncertainty).toBeUndefined();
});
