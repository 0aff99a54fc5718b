import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import type { Geometry, ImageStack } from "../types.ts";
import { axisDirection, positionOf } from "./geometry.ts";
import { orientVolume, type Plane } from "./orientation.ts";
import { stackChannels } from "./stack-channels.ts";
import type { Volume } from "./volume.ts";

const shape = [4, 5, 6] as const;
const voxels = 4 * 5 * 6;
const straight: Geometry = { spacing: [1.5, 2, 3], origin: [10, -20, 30], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };

function volumeOf(geometry: Geometry, more: Partial<Volume> = {}): Volume {
  const data = Int16Array.from({ length: voxels }, (_, i) => i);
  return { path: "image.nii", format: "nifti", shape, channels: 1, data, slope: 1, intercept: 0, geometry, ...more };
}

/** A rotation about a random axis, by up to `largest` radians (Rodrigues' formula). */
function rotation(random: Generator, largest: number): number[][] {
  const axis = [random.normal(), random.normal(), random.normal()];
  const norm = Math.hypot(...axis);
  const [x, y, z] = axis.map((value) => value / norm) as [number, number, number];
  const angle = random.uniform(-largest, largest);
  const [c, s, t] = [Math.cos(angle), Math.sin(angle), 1 - Math.cos(angle)];
  return [
    [t * x * x + c, t * x * y - s * z, t * x * z + s * y],
    [t * x * y + s * z, t * y * y + c, t * y * z - s * x],
    [t * x * z - s * y, t * y * z + s * x, t * z * z + c],
  ];
}

/** A random grid: axes permuted and turned round (also left-handed), then rotated. */
function randomGeometry(random: Generator, largestAngle: number): Geometry {
  const order = random.permutation(3);
  const signs = [0, 1, 2].map(() => (random.bernoulli(0.5) ? 1 : -1));
  const turn = rotation(random, largestAngle);
  const direction = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => turn[row]![order[column]!]! * signs[column]!));
  const spacing = [random.uniform(0.4, 3), random.uniform(0.4, 3), random.uniform(0.4, 3)] as const;
  return { spacing, origin: [random.normal(), random.normal(), random.normal()], direction };
}

/** Towards left, back and head: the way that slices, rows and columns go. */
const ways: Record<Exclude<Plane, "stored">, readonly (readonly [number, number, number])[]> = {
  axial: [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
  coronal: [[0, 1, 0], [0, 0, -1], [1, 0, 0]],
  sagittal: [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
};
const planes = ["axial", "coronal", "sagittal", "stored"] as const;

/** Where in the file's order the voxel is that a stack shows at (d, h, w): its number is its value. */
function placeOf(stack: ImageStack, d: number, h: number, w: number): readonly [number, number, number] {
  const value = stack.slice(d)[h * stack.width + w]!;
  return [value % 6, Math.floor(value / 6) % 5, Math.floor(value / 30)];
}

describe("orienting volumes", () => {
  it("is the identity there and back, for any grid", () => {
    const random = new Generator("there and back");
    for (let round = 0; round < 200; round++) {
      const data = Float32Array.from({ length: voxels * 2 }, () => random.normal());
      const volume = volumeOf(randomGeometry(random, Math.PI), { data, channels: 2 });
      const labels = volumeOf(volume.geometry, { data: Uint8Array.from({ length: voxels }, () => random.integer(256)) });
      for (const plane of planes) {
        const oriented = orientVolume(volume, plane);
        expect(oriented.restoreMap(oriented.image)).toEqual(data);
        expect(oriented.restore(oriented.labels(labels))).toEqual(labels.data);
      }
    }
  });

  it("turns slices the standard way, for grids rotated by less than half a right angle", () => {
    const random = new Generator("ways");
    for (let round = 0; round < 300; round++) {
      const volume = volumeOf(randomGeometry(random, 0.7));
      for (const plane of ["axial", "coronal", "sagittal"] as const) {
        const { image } = orientVolume(volume, plane);
        const at = (d: number, h: number, w: number): readonly number[] => positionOf(volume.geometry, ...placeOf(image, d, h, w));
        const first = at(0, 0, 0);
        for (const [axis, next] of [at(1, 0, 0), at(0, 1, 0), at(0, 0, 1)].entries()) {
          const step = next.map((value, row) => value - first[row]!);
          // one voxel further lies one spacing further, and the more along the axis' own way than along any other
          expect(Math.hypot(...step)).toBeCloseTo(image.spacing[axis]!, 9);
          const along = step.reduce((sum, value, row) => sum + value * ways[plane][axis]![row]!, 0);
          expect(along).toBeGreaterThan(0);
          for (const [other, way] of ways[plane].entries()) {
            if (other !== axis) expect(along).toBeGreaterThan(Math.abs(step.reduce((sum, value, row) => sum + value * way[row]!, 0)));
          }
        }
      }
    }
  });

  it("uses every axis once, for any grid", () => {
    const random = new Generator("axes");
    for (let round = 0; round < 300; round++) {
      const volume = volumeOf(randomGeometry(random, Math.PI));
      for (const plane of planes) {
        const { image } = orientVolume(volume, plane);
        expect([image.depth, image.height, image.width].toSorted((a, b) => a - b)).toEqual([4, 5, 6]);
        const seen = new Set<number>();
        for (let d = 0; d < image.depth; d++) for (const value of image.slice(d)) seen.add(value);
        expect(seen.size).toBe(voxels);
      }
    }
  });

  it("keeps the file's order where it is the standard one, or where that is asked for", () => {
    const oriented = orientVolume(volumeOf(straight));
    expect(oriented.image).toMatchObject({ depth: 4, height: 5, width: 6, spacing: [3, 2, 1.5] });
    expect(Array.from(oriented.image.slice(2))).toEqual(Array.from({ length: 30 }, (_, i) => 60 + i));
    const flipped: Geometry = { ...straight, direction: [-1, 0, 0, 0, -1, 0, 0, 0, 1] };
    expect(Array.from(orientVolume(volumeOf(flipped)).image.slice(0))).toEqual(Array.from({ length: 30 }, (_, i) => 29 - i));
    expect(Array.from(orientVolume(volumeOf(flipped), "stored").image.slice(0))).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(axisDirection(flipped, 2)).toEqual([0, 0, 1]);
  });

  it("applies slope and intercept, and knows the smallest value of each channel", () => {
    const data = Int16Array.from({ length: voxels * 2 }, (_, i) => i);
    const { image } = orientVolume(volumeOf(straight, { data, channels: 2, slope: -2, intercept: 5 }));
    expect(Array.from(image.slice(0).subarray(0, 4))).toEqual([5, 5 - 2 * voxels, 3, 3 - 2 * voxels]);
    expect(image.outside).toEqual([5 - 2 * (voxels - 1), 5 - 2 * (2 * voxels - 1)]);
  });

  it("refuses slices that are not there and stacks of other sizes", () => {
    const oriented = orientVolume(volumeOf(straight));
    for (const index of [-1, 4, 0.5]) expect(() => oriented.image.slice(index)).toThrow(/0 to 3/);
    const other = { depth: 4, height: 6, width: 6, slice: () => new Uint8Array(36) };
    expect(() => oriented.restore(other)).toThrow(/4 slices of 6×5 here; got 4 slices of 6×6/);
  });
});

describe("label volumes", () => {
  const image = orientVolume(volumeOf(straight));
  const labels = (more: Partial<Volume>): Volume => volumeOf(straight, { path: "labels.nii", data: new Uint8Array(voxels).fill(3), ...more });

  it("may be of any type that holds class numbers, also scaled", () => {
    for (const data of [new Float64Array(voxels).fill(2), new Int16Array(voxels).fill(2), new Uint32Array(voxels).fill(2)]) {
      expect(image.labels(labels({ data })).slice(0)).toEqual(new Uint8Array(30).fill(2));
    }
    const scaled = labels({ data: new Int16Array(voxels).fill(20), slope: Math.fround(0.1), intercept: 0 });
    expect(image.labels(scaled).slice(0)[0]).toBe(2);
  });

  it("are refused, with both names, where they do not fit", () => {
    const moved = (change: Partial<Geometry>): Partial<Volume> => ({ geometry: { ...straight, ...change } });
    const cases: readonly [RegExp, Partial<Volume>][] = [
      [/expected one channel/, { channels: 2 }],
      [/expected 6×5×4 voxels, got 5×6×4/, { shape: [4, 6, 5] }],
      [/spacing is \(1.5, 2, 3.01\) mm instead of \(1.5, 2, 3\)/, moved({ spacing: [1.5, 2, 3.01] })],
      [/origin is \(10, -20, 30.002\) mm/, moved({ origin: [10, -20, 30.002] })],
      [/direction is \(-1, 0, 0/, moved({ direction: [-1, 0, 0, 0, 1, 0, 0, 0, 1] })],
      [/120 of 120 voxels have other values, such as 256/, { data: new Int16Array(voxels).fill(256) }],
      [/1 of 120 .* such as 0.5\./, { data: new Float32Array(voxels).map((_, index) => (index === 7 ? 0.5 : 1)) }],
      [/such as -1\./, { data: new Int8Array(voxels).fill(-1) }],
    ];
    for (const [message, more] of cases) {
      expect(() => image.labels(labels(more))).toThrow(message);
      expect(() => image.labels(labels(more))).toThrow(/"labels\.nii" does not fit to "image\.nii"/);
    }
    expect(() => image.labels(labels(moved({ origin: [10, -20, 30.0009] })))).not.toThrow();
    expect(() => image.labels(labels(moved({ origin: [10, -20, 30.002] })), { tolerance: 0.01 })).not.toThrow();
  });
});

describe("joining stacks", () => {
  const stack = (value: number, more: Partial<ImageStack> = {}): ImageStack => ({
    depth: 2,
    height: 1,
    width: 2,
    channels: 1,
    spacing: [3, 2, 1],
    outside: [-value],
    slice: (index) => Float32Array.of(value + 10 * index, value + 10 * index + 1),
    ...more,
  });

  it("puts their channels side by side", () => {
    const joined = stackChannels([stack(100), stack(200), stack(300)]);
    expect(joined).toMatchObject({ depth: 2, height: 1, width: 2, channels: 3, spacing: [3, 2, 1], outside: [-100, -200, -300] });
    expect(Array.from(joined.slice(1))).toEqual([110, 210, 310, 111, 211, 311]);
    expect(Array.from(stackChannels([joined, stack(400)]).slice(0))).toEqual([100, 200, 300, 400, 101, 201, 301, 401]);
  });

  it("refuses other sizes and spacings, and nothing", () => {
    expect(() => stackChannels([])).toThrow(/at least one/);
    expect(() => stackChannels([stack(1), stack(2, { depth: 3 })])).toThrow(/stack 0 has 2×1×2 .*stack 1 2×1×3/);
    expect(() => stackChannels([stack(1), stack(2, { spacing: [3, 2, 1.1] })])).toThrow(/3×2×1.1 mm/);
  });
});
