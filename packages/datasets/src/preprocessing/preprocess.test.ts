import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import type { ImageStack } from "../types.ts";
import { preprocess } from "./preprocess.ts";
import type { Preprocessing } from "./schema.ts";
import { imageOf, labelsOf, valuesOf } from "./testing-stacks.ts";
import { zoom } from "./zoom.ts";

const random = new Generator(11);

function uniform(length: number, low = 0, high = 1): Float32Array {
  return random.uniformArray(length, low, high);
}

function classes(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(5));
}

function largestDifference(a: readonly number[], b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

const preprocessingError = expect.objectContaining({ name: "HidiffError", code: "datasets.preprocessing" });

describe("intensity steps", () => {
  it("scale maps the stored range, and what lies outside of the image", () => {
    const { image } = preprocess(imageOf([1, 1, 3, 1], [0, 51, 255], { range: [0, 255], outside: [255] }), [{ step: "scale", from: "range", to: [-1, 1] }]);
    expect(largestDifference(Array.from(image.slice(0)), [-1, -0.6, 1])).toBeLessThan(1e-7);
    expect(image.outside).toEqual([1]);
    expect(image.range).toBeUndefined();
  });

  it("scale keeps values beyond `from`, and turns them round for a falling `to`", () => {
    const { image } = preprocess(imageOf([1, 1, 3, 1], [-1, 1, 3]), [{ step: "scale", from: [0, 2], to: [1, 0] }]);
    expect(Array.from(image.slice(0))).toEqual([1.5, 0.5, -0.5]);
  });

  it("clip and window limit values, then map them", () => {
    const ct = imageOf([1, 1, 4, 1], [-2000, -125, 75, 900], { range: [-1024, 3071], outside: [-1024] });
    const clipped = preprocess(ct, [{ step: "clip", low: -125, high: 275 }]).image;
    expect(Array.from(clipped.slice(0))).toEqual([-125, -125, 75, 275]);
    expect(clipped).toMatchObject({ outside: [-125], range: [-1024, 3071] });
    const windowed = preprocess(ct, [{ step: "window", centre: 75, width: 400, to: [0, 1] }]).image;
    expect(Array.from(windowed.slice(0))).toEqual([0, 0, 0.5, 1]);
    expect(windowed.outside).toEqual([0]);
    expect(windowed.range).toBeUndefined();
  });

  it("percentile maps a channel's own percentiles", () => {
    const values = Array.from({ length: 101 }, (_, i) => [i, -2 * i + 0.25]).flat();
    const steps: Preprocessing = [{ step: "percentile", low: 10, high: 90, region: "all", to: [0, 1] }];
    const { image } = preprocess(imageOf([1, 1, 101, 2], values, { outside: [50, 50] }), steps);
    const expected = Array.from({ length: 101 }, (_, i) => Math.min(Math.max((i - 10) / 80, 0), 1));
    expect(largestDifference(valuesOf(image), expected.flatMap((value) => [value, 1 - value]))).toBeLessThan(1e-6);
    expect(image.outside).toEqual([0.5, 1]);
  });

  it("z-score has mean 0 and deviation 1 over the whole volume, not a slice", () => {
    const { image } = preprocess(imageOf([3, 4, 5, 1], uniform(60, 100, 900), { outside: [100] }), [{ step: "z-score", region: "all" }]);
    const values = valuesOf(image);
    const mean = values.reduce((sum, value) => sum + value, 0) / 60;
    expect(mean).toBeCloseTo(0, 6);
    expect(values.reduce((sum, value) => sum + value * value, 0) / 60).toBeCloseTo(1, 5);
    expect(Math.abs(image.slice(0).reduce((sum, value) => sum + value, 0) / 20)).toBeGreaterThan(1e-3);
    expect(image.outside[0]).toBeLessThan(-1);
  });

  it("z-score of the nonzero region leaves the rest, and the outside, at 0", () => {
    // The second pixel is 0 in one channel only, so it belongs to the region.
    const image = preprocess(imageOf([1, 1, 4, 2], [0, 0, 0, 4, 2, 8, 4, 0], { outside: [3, 3] }), [{ step: "z-score", region: "nonzero" }]).image;
    const deviation = Math.sqrt(8 / 3);
    const expected = [0, 0, -2 / deviation, 0, 0, 4 / (2 * deviation), 2 / deviation, -4 / (2 * deviation)];
    expect(largestDifference(valuesOf(image), expected)).toBeLessThan(1e-6);
    expect(image.outside).toEqual([0, 0]);
  });

  it("constant and empty channels become 0, or to[0]", () => {
    const constant = imageOf([2, 2, 2, 2], Array.from({ length: 8 }, (_, i) => [0.1, i]).flat());
    const scored = valuesOf(preprocess(constant, [{ step: "z-score", region: "all" }]).image);
    expect(scored.filter((_, i) => i % 2 === 0)).toEqual(Array(8).fill(0));
    expect(scored.every(Number.isFinite)).toBe(true);
    const mapped = valuesOf(preprocess(constant, [{ step: "percentile", low: 1, high: 99, region: "all", to: [-1, 1] }]).image);
    expect(mapped.filter((_, i) => i % 2 === 0)).toEqual(Array(8).fill(-1));
    const black = imageOf([1, 2, 2, 1], new Float32Array(4));
    expect(valuesOf(preprocess(black, [{ step: "z-score", region: "nonzero" }]).image)).toEqual([0, 0, 0, 0]);
    const steps: Preprocessing = [{ step: "percentile", low: 1, high: 99, region: "nonzero", to: [-1, 1] }];
    expect(valuesOf(preprocess(black, steps).image)).toEqual([-1, -1, -1, -1]);
  });

  it("the nonzero region is the original image's, through changes of values and grids", () => {
    const values = [0, 0, 0, 0, 0, 3, 5, 0, 0, 7, 0, 0, 0, 0, 0, 0];
    const image = imageOf([1, 4, 4, 1], values, { outside: [0] });
    const steps: Preprocessing = [
      { step: "scale", from: [0, 1], to: [10, 11] }, // no zero is left
      { step: "crop-border", pixels: 1 },
      { step: "resize", height: 4, width: 4, image: "nearest" },
      { step: "z-score", region: "nonzero" },
    ];
    const block = (pixel: number): number[] => [pixel, pixel];
    const rows = [[3, 5], [7, 0]].map((row) => row.flatMap(block));
    const inside = [...rows[0]!, ...rows[0]!, ...rows[1]!, ...rows[1]!];
    const deviation = Math.sqrt(8 / 3);
    const expected = inside.map((value) => (value === 0 ? 0 : (value - 5) / deviation));
    expect(largestDifference(valuesOf(preprocess(image, steps).image), expected)).toBeLessThan(1e-6);
  });
});

describe("spatial steps", () => {
  it("resize takes each slice as zoom does", () => {
    const data = uniform(3 * 6 * 7 * 2);
    const source = imageOf([3, 6, 7, 2], data, { range: [0, 1], outside: [1, 2], spacing: [3, 2, 1] });
    const { image } = preprocess(source, [{ step: "resize", height: 11, width: 4, image: "cubic" }]);
    expect(image).toMatchObject({ depth: 3, height: 11, width: 4, channels: 2, range: [0, 1], outside: [1, 2], spacing: [3, 1, 2] });
    expect(image.slice(1)).toEqual(zoom(data.slice(84, 168), [6, 7, 2], [11, 4, 2], "cubic"));
  });

  it.each(["nearest", "linear", "cubic"] as const)("maps go the image's way linearly, whatever its own interpolation (%s), and keep their values", (interpolation) => {
    const source = imageOf([5, 8, 9, 2], uniform(5 * 8 * 9 * 2), { spacing: [3, 1, 1] });
    const data = uniform(5 * 8 * 9 * 3);
    const steps: Preprocessing = [
      { step: "clip", low: 0.2, high: 0.4, to: [-7, 7] },
      { step: "crop-border", pixels: 1 },
      { step: "resample", spacing: [1.5, null, 2], image: interpolation },
      { step: "z-score", region: "all" },
      { step: "resize", height: 4, width: 11, image: interpolation },
    ];
    const prepared = preprocess(source, steps);
    const map = prepared.map(imageOf([5, 8, 9, 3], data, { outside: [1, 0, 0] }));
    expect(map).toMatchObject({ depth: 10, height: 4, width: 11, channels: 3, outside: [1, 0, 0] });
    const cut = Float64Array.from({ length: 5 * 6 * 7 * 3 }, (_, i) => data[((Math.floor(i / 126) * 8 + 1 + (Math.floor(i / 21) % 6)) * 9 + 1 + (Math.floor(i / 3) % 7)) * 3 + (i % 3)]!);
    const expected = zoom(zoom(cut, [5, 6, 7, 3], [10, 6, 4, 3], "linear"), [10, 6, 4, 3], [10, 4, 11, 3], "linear");
    expect(largestDifference(valuesOf(map), expected)).toBeLessThan(1e-6); // single precision, four times
  });

  it.each(["nearest", "linear", "cubic"] as const)("resample is a %s zoom in three dimensions", (interpolation) => {
    const data = uniform(5 * 6 * 7 * 2, -500, 500);
    const source = imageOf([5, 6, 7, 2], data, { spacing: [3, 1, 1] });
    const steps: Preprocessing = [{ step: "resample", spacing: [1.25, null, 2], image: interpolation }];
    const { image } = preprocess(source, steps);
    expect([image.depth, image.height, image.width]).toEqual([12, 6, 4]); // 15 / 1.25, 6, 7 / 2 rounded up
    for (const [axis, distance] of [12 / 11, 1, 2].entries()) expect(image.spacing[axis]).toBeCloseTo(distance, 12);
    const whole = zoom(Float64Array.from(data), [5, 6, 7, 2], [12, 6, 4, 2], interpolation);
    expect(largestDifference(valuesOf(image), whole)).toBeLessThan(2e-4); // of values up to 500 in single precision
    expect(Array.from(image.slice(11))).toEqual(valuesOf(image).slice(-48)); // in any order
  });

  it("resample keeps at least one voxel, and the exact size on the way back", () => {
    const source = imageOf([1, 5, 3, 1], uniform(15), { spacing: [5, 0.7, 0.7] });
    const prepared = preprocess(source, [{ step: "resample", spacing: [20, 10, 1], image: "cubic" }]);
    expect(prepared.image).toMatchObject({ depth: 1, height: 1, width: 2 });
    expect(prepared.restoreLabels(labelsOf([1, 1, 2], [1, 2]))).toMatchObject({ depth: 1, height: 5, width: 3 });
    expect(valuesOf(prepared.restoreMap(imageOf([1, 1, 2, 1], [0, 1])))).toEqual(Array.from({ length: 15 }, (_, i) => (i % 3) / 2));
  });

  it("crop-border takes pixels away, and puts labels and maps back", () => {
    const data = uniform(2 * 5 * 6 * 2);
    const source = imageOf([2, 5, 6, 2], data, { spacing: [3, 2, 1] });
    const prepared = preprocess(source, [{ step: "crop-border", pixels: 2 }]);
    expect(prepared.image).toMatchObject({ depth: 2, height: 1, width: 2, spacing: [3, 2, 1] });
    expect(Array.from(prepared.image.slice(1))).toEqual(Array.from(data.slice(60 + 28, 60 + 32)));
    expect(valuesOf(prepared.map(source))).toEqual(valuesOf(prepared.image));
    const restored = valuesOf(prepared.restoreMap(imageOf([2, 1, 2, 3], Array.from({ length: 12 }, (_, i) => i + 1), { outside: [9, 8, 0] })));
    for (let i = 0; i < 2 * 30; i++) {
      const inside = [14, 15, 44, 45].indexOf(i);
      expect(restored.slice(3 * i, 3 * i + 3)).toEqual(inside < 0 ? [9, 8, 0] : [1, 2, 3].map((value) => value + 3 * inside));
    }
    expect(valuesOf(prepared.restoreLabels(labelsOf([2, 1, 2], [1, 2, 3, 4]))).flatMap((value, i) => (value === 0 ? [] : [[i, value]]))).toEqual([
      [14, 1],
      [15, 2],
      [44, 3],
      [45, 4],
    ]);
  });

  it("crop-foreground finds the smallest box in three dimensions, with its margin", () => {
    const data = new Float32Array(6 * 7 * 8 * 2);
    const at = (z: number, y: number, x: number, c: number): number => ((z * 7 + y) * 8 + x) * 2 + c;
    data[at(2, 3, 5, 0)] = 2;
    data[at(3, 1, 6, 1)] = 2;
    data[at(0, 0, 0, 0)] = 1; // not above 1
    const steps = (margin: number): Preprocessing => [{ step: "crop-foreground", above: 1, margin }];
    const { image } = preprocess(imageOf([6, 7, 8, 2], data), steps(0));
    expect(image).toMatchObject({ depth: 2, height: 3, width: 2 });
    expect(valuesOf(image).flatMap((value, i) => (value === 0 ? [] : [i]))).toEqual([(2 * 2 + 0) * 2, (6 + 1) * 2 + 1]);
    expect(preprocess(imageOf([6, 7, 8, 2], data), steps(2)).image).toMatchObject({ depth: 6, height: 6, width: 5 });
    expect(preprocess(imageOf([6, 7, 8, 2], new Float32Array(672)), steps(2)).image).toMatchObject({ depth: 6, height: 7, width: 8 });
  });
});

describe("the way there and back", () => {
  const steps: Record<string, Preprocessing> = {
    nothing: [],
    "a border": [{ step: "crop-border", pixels: 1 }],
    "a box": [{ step: "crop-foreground", above: 0, margin: 0 }],
    "twice the size": [{ step: "resize", height: 16, width: 14, image: "cubic" }],
    "finer voxels": [{ step: "resample", spacing: [0.4, 0.5, 0.45], image: "cubic" }],
    "all of them": [
      { step: "crop-foreground", above: 0, margin: 1 },
      { step: "resample", spacing: [0.5, 0.5, null], image: "linear" },
      { step: "crop-border", pixels: 1 },
      { step: "z-score", region: "nonzero" },
      { step: "resize", height: 40, width: 40, image: "cubic" },
    ],
  };
  const depths = [1, 5];
  const makes = depths.flatMap((depth) => Object.entries(steps).map(([name, list]) => ({ name, list, depth })));

  it.each(makes)("keeps labels and constant maps through $name, depth $depth", ({ list, depth }) => {
    const data = new Float32Array(depth * 8 * 7 * 2);
    for (let z = 0; z < depth; z++) for (let y = 2; y < 6; y++) for (let x = 1; x < 5; x++) data[((z * 8 + y) * 7 + x) * 2] = 1 + random.uniform();
    const prepared = preprocess(imageOf([depth, 8, 7, 2], data), list);
    const labels = labelsOf([depth, 8, 7], classes(depth * 56));
    const { image } = prepared;
    const there = prepared.labels(labels);
    expect([there.depth, there.height, there.width]).toEqual([image.depth, image.height, image.width]);
    const back = valuesOf(prepared.restoreLabels(there));
    // Where a map of ones comes back as 1 and not as the outside, the label must be the old one.
    const ones: ImageStack = {
      depth: image.depth,
      height: image.height,
      width: image.width,
      channels: 2,
      spacing: image.spacing,
      outside: [-1, 0.25],
      slice: () => Float32Array.from({ length: 2 * image.height * image.width }, (_, i) => (i % 2 === 0 ? 1 : 0.25)),
    };
    const map = valuesOf(prepared.restoreMap(ones));
    const kept = map.filter((_, i) => i % 2 === 0).map((value) => value === 1);
    expect(back).toEqual(valuesOf(labels).map((label, i) => (kept[i] === true ? label : 0)));
    expect(new Set(map.filter((_, i) => i % 2 === 1))).toEqual(new Set([0.25]));
    expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(depth * 4);
    if (list.every((step) => !step.step.startsWith("crop"))) expect(kept).not.toContain(false);
  });
});

describe("preprocess is lazy", () => {
  const steps: Preprocessing = [
    { step: "crop-border", pixels: 1 },
    { step: "z-score", region: "nonzero" },
    { step: "resize", height: 8, width: 8, image: "cubic" },
  ];

  it("reads a slice when it is asked for, and all slices once for statistics", () => {
    const source = imageOf([3, 6, 6, 2], uniform(216));
    const { image, labels } = preprocess(source, steps);
    expect([image.depth, image.height, labels(labelsOf([3, 6, 6], classes(108))).height]).toEqual([3, 8, 8]);
    expect(source.reads).toEqual([0, 0, 0]);
    expect(image.outside).toEqual([0, 0]);
    expect(source.reads).toEqual([0, 0, 0]); // 0 outside of a region, whatever the statistics
    image.slice(1);
    expect(source.reads).toEqual([1, 2, 1]);
    image.slice(1);
    image.slice(2);
    expect(source.reads).toEqual([1, 3, 2]);
  });

  it("reads single slices without statistics, also for windows along the depth", () => {
    const source = imageOf([9, 4, 4, 1], uniform(144), { spacing: [2, 1, 1] });
    const { image } = preprocess(source, [{ step: "resample", spacing: [1, null, null], image: "linear" }]);
    image.slice(5);
    expect(source.reads.reduce((sum, count) => sum + count, 0)).toBe(2);
    for (let i = 0; i < image.depth; i++) image.slice(i);
    expect(Math.max(...source.reads)).toBeLessThanOrEqual(2);
  });

  it("looks for the foreground once, when the size is needed", () => {
    const source = imageOf([3, 4, 4, 1], uniform(48, 0.1));
    const { image } = preprocess(source, [{ step: "crop-foreground", above: 0, margin: 0 }, { step: "crop-border", pixels: 1 }]);
    expect(source.reads).toEqual([0, 0, 0]);
    expect([image.depth, image.height, image.width]).toEqual([3, 2, 2]);
    expect(source.reads).toEqual([1, 1, 1]);
  });

  it("hands out arrays that the caller may overwrite", () => {
    for (const list of [[], steps, [{ step: "resample", spacing: [0.5, 1, 1], image: "nearest" }]] as Preprocessing[]) {
      const { image, labels } = preprocess(imageOf([3, 6, 6, 2], uniform(216)), list);
      const first = image.slice(0);
      const kept = first.slice();
      first.fill(9);
      expect(image.slice(0)).toEqual(kept);
      const truth = labels(labelsOf([3, 6, 6], classes(108)));
      const keptLabels = truth.slice(0).slice();
      truth.slice(0).fill(9);
      expect(truth.slice(0)).toEqual(keptLabels);
    }
  });

  it("gives the same slices in any order, and again when applied anew", () => {
    const data = uniform(216);
    const forward = preprocess(imageOf([3, 6, 6, 2], data), steps).image;
    const backward = preprocess(imageOf([3, 6, 6, 2], data), JSON.parse(JSON.stringify(steps)) as Preprocessing).image;
    const last = [2, 1, 0].map((i) => backward.slice(i)).reverse();
    expect([0, 1, 2].map((i) => forward.slice(i))).toEqual(last);
  });
});

describe("preprocess explains", () => {
  const image = imageOf([2, 4, 5, 1], uniform(40));

  it.each([
    { steps: [{ step: "scale", from: "range", to: [0, 1] }], message: /step 1 \(scale\) with from: range needs an image with a range/ },
    { steps: [{ step: "scale", from: [2, 1], to: [0, 1] }], message: /step 1 \(scale\): "from" must be \[low, high\]/ },
    { steps: [{ step: "z-score", region: "all" }, { step: "clip", low: 1, high: 1 }], message: /step 2 \(clip\): "low" must be below "high", got 1 and 1/ },
    { steps: [{ step: "percentile", low: 9, high: 1, region: "all", to: [0, 1] }], message: /step 1 \(percentile\): "low" must be below/ },
    { steps: [{ step: "crop-border", pixels: 2 }], message: /takes 2 pixels from every side, which leaves nothing of slices of 4 × 5/ },
  ] as { steps: Preprocessing; message: RegExp }[])("$message", ({ steps, message }) => {
    expect(() => preprocess(image, steps)).toThrow(message);
    expect(() => preprocess(image, steps)).toThrow(preprocessingError);
  });

  it("a range that an earlier step used up", () => {
    const photograph = imageOf([1, 1, 1, 1], [5], { range: [0, 255] });
    const scale = { step: "scale", from: "range", to: [0, 1] } as const;
    expect(() => preprocess(photograph, [scale, scale])).toThrow(/step 2 \(scale\)/);
    expect(valuesOf(preprocess(photograph, [{ step: "resize", height: 2, width: 2, image: "cubic" }, scale]).image)[0]).toBeCloseTo(5 / 255);
  });

  it("a crop that is larger than what a crop before it left", () => {
    const { image } = preprocess(imageOf([1, 5, 5, 1], new Float32Array(25).fill(1, 12, 13)), [
      { step: "crop-foreground", above: 0, margin: 0 },
      { step: "crop-border", pixels: 1 },
    ]);
    expect(() => image.height).toThrow(/leaves nothing of slices of 1 × 1/);
  });

  it("stacks of another size, and slices that there are not", () => {
    const prepared = preprocess(image, [{ step: "crop-border", pixels: 1 }]);
    expect(() => prepared.labels(labelsOf([2, 2, 3], classes(12)))).toThrow(/size of the original image, 2 × 4 × 5 .*, got 2 × 2 × 3/);
    expect(() => prepared.restoreLabels(labelsOf([2, 4, 5], classes(40)))).toThrow(/size of the prepared image, 2 × 2 × 3 .*, got 2 × 4 × 5/);
    expect(() => prepared.restoreMap(image)).toThrow(preprocessingError);
    for (const index of [-1, 2, 0.5]) expect(() => prepared.image.slice(index)).toThrow(/of 2 slices has no slice/);
  });

  it.each([NaN, Infinity])("statistics of %s", (value) => {
    const broken = imageOf([1, 1, 3, 1], [1, value, 3]);
    for (const step of [{ step: "z-score", region: "all" }, { step: "percentile", low: 1, high: 99, region: "all", to: [0, 1] }] as const) {
      const prepared = preprocess(broken, [step]);
      expect(() => prepared.image.slice(0)).toThrow(/channel 0 of the image has infinite values or values that are no numbers/);
    }
  });
});
