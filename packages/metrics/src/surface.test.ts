import { describe, expect, it } from "vitest";
import { gridOf, type Grid } from "./geometry.ts";
import {
  averageSymmetricSurfaceDistance,
  hausdorffDistance,
  hausdorffDistance95,
  meanSurfaceDistance,
  surfaceDistances,
} from "./surface.ts";
import { distanceBetween, drawnMask, placeOf, randomMask, seededRandom } from "./testing/masks.ts";

const metrics = [hausdorffDistance95, hausdorffDistance, averageSymmetricSurfaceDistance, meanSurfaceDistance];

/** Indices of foreground elements with a background neighbour across a face, by looking up every neighbour. */
function surfaceOf(mask: Uint8Array, shape: readonly number[]): number[] {
  const grid = gridOf("test", { shape });
  const sizes = [grid.depth, grid.height, grid.width];
  const isForeground = (place: readonly number[]): boolean =>
    place.every((value, axis) => value >= 0 && value < sizes[axis]!) &&
    mask[(place[0]! * grid.height + place[1]!) * grid.width + place[2]!] === 1;
  const axes = shape.length === 2 ? [1, 2] : [0, 1, 2];
  return [...mask.keys()].filter((index) => {
    const place = placeOf(index, grid);
    const neighbours = axes.flatMap((axis) => [place.with(axis, place[axis]! - 1), place.with(axis, place[axis]! + 1)]);
    return mask[index] === 1 && !neighbours.every(isForeground);
  });
}

function nearest(from: readonly number[], to: readonly number[], grid: Grid): number[] {
  return from.map((index) => Math.min(...to.map((other) => distanceBetween(index, other, grid))));
}

describe("surfaceDistances", () => {
  it.each([
    { shape: [11, 8], spacing: undefined },
    { shape: [11, 8], spacing: [0.6, 2.3] },
    { shape: [1, 9], spacing: [0.6, 2.3] },
    { shape: [5, 6, 7], spacing: undefined },
    { shape: [6, 5, 7], spacing: [3.2, 0.5, 0.9] },
    { shape: [1, 6, 7], spacing: [3.2, 0.5, 0.9] },
  ])("agree with all pairs on random masks: %o", ({ shape, spacing }) => {
    const random = seededRandom(2);
    const grid = gridOf("test", { shape, spacing });
    const length = shape.reduce((product, size) => product * size, 1);
    for (const probability of [0.05, 0.3, 0.9, 1]) {
      for (let repeat = 0; repeat < 5; repeat++) {
        const prediction = randomMask(random, length, 1.1 - probability);
        const truth = randomMask(random, length, probability);
        prediction[repeat] = truth[length - 1 - repeat] = 1;
        const distances = surfaceDistances(prediction, truth, { shape, spacing });
        const toTruth = nearest(surfaceOf(prediction, shape), surfaceOf(truth, shape), grid);
        const toPrediction = nearest(surfaceOf(truth, shape), surfaceOf(prediction, shape), grid);
        expect(distances.predictionToTruth).toHaveLength(toTruth.length);
        expect(distances.truthToPrediction).toHaveLength(toPrediction.length);
        const pooled = [...toTruth, ...toPrediction].sort((a, b) => a - b);
        const position = 0.95 * (pooled.length - 1);
        const low = pooled[Math.floor(position)]!;
        const percentile = low + (pooled[Math.ceil(position)]! - low) * (position % 1);
        const mean = (values: number[]): number => values.reduce((total, value) => total + value, 0) / values.length;
        const expected = [percentile, Math.max(...pooled), mean(pooled), mean(toTruth)];
        // Sums of at most a few hundred distances below 20 in float64.
        metrics.forEach((metric, index) => expect(metric(distances)).toBeCloseTo(expected[index]!, 10));
      }
    }
  });

  it("measures a known shift", () => {
    const prediction = drawnMask("......", ".##...", ".##...", "......");
    const truth = drawnMask("......", "..##..", "..##..", "......");
    const distances = surfaceDistances(prediction, truth, { shape: [4, 6], spacing: [1, 0.5] });
    expect([...distances.predictionToTruth]).toEqual([0.5, 0, 0.5, 0]);
    expect([...distances.truthToPrediction]).toEqual([0, 0.5, 0, 0.5]);
    expect(metrics.map((metric) => metric(distances))).toEqual([0.5, 0.5, 0.25, 0.25]);
  });

  it("takes the outside of the grid for background", () => {
    const full = new Uint8Array(25).fill(1);
    const centre = drawnMask(".....", ".....", "..#..", ".....", ".....");
    const distances = surfaceDistances(full, centre, { shape: [5, 5] });
    expect(distances.predictionToTruth).toHaveLength(16);
    expect([...distances.truthToPrediction]).toEqual([2]);
    const volume = surfaceDistances(full, centre, { shape: [1, 5, 5] });
    expect(volume.predictionToTruth).toHaveLength(25);
    expect([...volume.truthToPrediction]).toEqual([0]);
  });

  it("tells the directions apart", () => {
    const distances = surfaceDistances(drawnMask("#...."), drawnMask("#...#"), { shape: [1, 5] });
    expect(meanSurfaceDistance(distances)).toBe(0);
    expect(averageSymmetricSurfaceDistance(distances)).toBe(4 / 3);
    expect(hausdorffDistance(distances)).toBe(4);
  });

  it("is zero for equal masks", () => {
    for (const mask of [drawnMask("#"), drawnMask("##", "##"), new Uint8Array(36).fill(1)]) {
      const side = Math.sqrt(mask.length);
      const distances = surfaceDistances(mask, mask, { shape: [side, side] });
      expect(metrics.map((metric) => metric(distances))).toEqual([0, 0, 0, 0]);
    }
  });
});

describe("the policy for empty masks", () => {
  const geometry = { shape: [2, 2] };
  const none = [0, 0, 0, 0];
  const some = [0, 1, 0, 0];

  it("gives 0 if both are empty, zero-size ones included", () => {
    for (const distances of [surfaceDistances(none, none, geometry), surfaceDistances([], [], { shape: [0, 5, 5] })]) {
      expect(distances.empty).toBe("both");
      expect(metrics.map((metric) => metric(distances, { emptyPenalty: 9 }))).toEqual([0, 0, 0, 0]);
    }
  });

  it("gives no value if one is empty, unless a penalty is named", () => {
    const noPrediction = surfaceDistances(none, some, geometry);
    const noTruth = surfaceDistances(some, none, geometry);
    expect([noPrediction.empty, noTruth.empty]).toEqual(["prediction", "truth"]);
    for (const distances of [noPrediction, noTruth]) {
      expect(metrics.map((metric) => metric(distances))).toEqual([undefined, undefined, undefined, undefined]);
      expect(metrics.map((metric) => metric(distances, { emptyPenalty: 9 }))).toEqual([9, 9, 9, 9]);
    }
  });

  it.each([-1, Number.NaN, Infinity])("refuses the penalty %d", (emptyPenalty) => {
    const distances = surfaceDistances(some, some, geometry);
    expect(() => hausdorffDistance95(distances, { emptyPenalty })).toThrow(
      expect.objectContaining({ code: "metrics.penalty" }),
    );
  });

  it("refuses masks that do not fill the shape", () => {
    expect(() => surfaceDistances([1], some, geometry)).toThrow(expect.objectContaining({ code: "metrics.length" }));
    expect(() => surfaceDistances(some, [1], geometry)).toThrow(expect.objectContaining({ code: "metrics.length" }));
  });
});
