import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import type { ImageStack, LabelStack } from "../types.ts";
import { preprocess } from "./preprocess.ts";
import type { Interpolation } from "./schema.ts";
import { zoom } from "./zoom.ts";
// Made with SciPy 1.17.1: `scipy.ndimage.zoom(x, size / shape, order)` of x[i] = ((7i² + 13i) mod 101) / 50 − 1 in C order;
// for `transunet` of 512×512 such values in float32 and of the labels ⌊i / 37⌋ mod 9, with factors 256/512, at some positions.
import fixture from "./fixtures/zoom.json" with { type: "json" };

const interpolations = { 0: "nearest", 1: "linear", 3: "cubic" } as const;

function pattern(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => ((i * i * 7 + i * 13) % 101) / 50 - 1);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((largest, difference) => Math.max(largest, difference), 0);
}

describe("zoom equals SciPy's", () => {
  it.each(fixture.cases)("$shape → $size, order $order", ({ shape, size, order, values }) => {
    const interpolation = interpolations[order as 0 | 1 | 3];
    const data = pattern(product(shape));
    const before = data.slice();
    expect(largestDifference(zoom(data, shape, size, interpolation), values)).toBeLessThan(5e-7); // the fixture's digits
    expect(data).toEqual(before);
    const single = zoom(Float32Array.from(data), shape, size, interpolation);
    expect(single).toBeInstanceOf(Float32Array);
    expect(largestDifference(single, values)).toBeLessThan(1e-6);
    const channels = zoom(twoChannels(data), [...shape, 2], [...size, 2], interpolation);
    expect(largestDifference(channels, twoChannels(Float64Array.from(values)))).toBeLessThan(2e-6);
  });

  it("as TransUNet takes slices to 256×256, and predictions back", () => {
    const { positions, image, imageSum, labels, labelSum, restoredPositions, restored, restoredSum } = fixture.transunet;
    const grid = { depth: 1, height: 512, width: 512 };
    const slice = Float32Array.from(pattern(512 * 512));
    const stack: ImageStack = { ...grid, channels: 1, spacing: [1, 1, 1], outside: [0], slice: () => slice.slice() };
    const truth: LabelStack = { ...grid, slice: () => Uint8Array.from({ length: 512 * 512 }, (_, i) => Math.floor(i / 37) % 9) };
    const prepared = preprocess(stack, [{ step: "resize", height: 256, width: 256, image: "cubic" }]);
    const small = prepared.image.slice(0);
    expect(small).toHaveLength(256 * 256);
    expect(largestDifference(positions.map((i) => small[i]!), image)).toBeLessThan(1e-6);
    expect(Math.abs(small.reduce((sum, value) => sum + value, 0) - imageSum)).toBeLessThan(1e-2);
    const smallLabels = prepared.labels(truth);
    expect(positions.map((i) => smallLabels.slice(0)[i])).toEqual(labels);
    expect(smallLabels.slice(0).reduce((sum, value) => sum + value, 0)).toBe(labelSum);
    const large = prepared.restoreLabels(smallLabels).slice(0);
    expect(restoredPositions.map((i) => large[i])).toEqual(restored);
    expect(large.reduce((sum, value) => sum + value, 0)).toBe(restoredSum);
  });
});

function twoChannels(values: Float64Array): Float64Array {
  return Float64Array.from({ length: 2 * values.length }, (_, i) => (i % 2 === 0 ? values[i >> 1]! : -3 * values[i >> 1]!));
}

describe("zoom", () => {
  const all: readonly Interpolation[] = ["nearest", "linear", "cubic"];
  const random = new Generator(5);

  it.each(all)("%s keeps constants exactly, and arrays whose size stays", (interpolation) => {
    for (let trial = 0; trial < 30; trial++) {
      const shape = [1 + random.integer(9), 1 + random.integer(70), 1 + random.integer(3)];
      const size = [1 + random.integer(20), 1 + random.integer(90), shape[2]!];
      const value = Math.fround(1000 * random.uniform() - 300);
      expect(new Set(zoom(new Float32Array(product(shape)).fill(value), shape, size, interpolation))).toEqual(new Set([value]));
    }
    expect(zoom(pattern(35), [5, 7], [5, 7], interpolation)).toEqual(pattern(35));
  });

  it.each(["linear", "cubic"] as const)("%s keeps the corners, and ramps where its support is inside", (interpolation) => {
    const data = pattern(4 * 9);
    const large = zoom(data, [4, 9], [11, 30], interpolation);
    const corners = [large[0]!, large[29]!, large[300]!, large[329]!];
    expect(largestDifference(corners, [data[0]!, data[8]!, data[27]!, data[35]!])).toBeLessThan(1e-12);
    const ramp = zoom(Float64Array.from({ length: 101 }, (_, i) => 3 * i - 7), [101], [251], interpolation);
    const middle = Array.from({ length: 151 }, (_, i) => 50 + i); // mirrored ends are no ramp to a spline
    expect(largestDifference(middle.map((i) => ramp[i]!), middle.map((i) => (3 * i * 100) / 250 - 7))).toBeLessThan(1e-7);
  });

  it("goes through the samples where old and new ones coincide", () => {
    const data = pattern(80);
    const fine = zoom(data, [80], [3 * 79 + 1], "cubic");
    expect(largestDifference(Array.from({ length: 80 }, (_, i) => fine[3 * i]!), data)).toBeLessThan(1e-12);
  });

  it("takes the last sample where rounding puts it past the end, which SciPy fills with 0", () => {
    for (const interpolation of all) expect(zoom(Float64Array.of(1, 1, 1, 1, 1, 1, 1, 2), [8], [26], interpolation)[25]).toBeCloseTo(2, 12);
  });

  it("explains wrong sizes", () => {
    for (const [shape, size] of [[[5], [4]], [[4], [0]], [[2, 2], [4]], [[4], [1.5]]] as const) {
      expect(() => zoom(new Float32Array(4), shape, size, "cubic")).toThrow(expect.objectContaining({ code: "datasets.zoom" }));
    }
  });
});
