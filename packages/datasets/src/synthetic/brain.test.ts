import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { brainChannels, drawBrain } from "./brain.ts";
import type { DrawnSlice } from "./drawn-volume.ts";

const options = { size: 60, depth: 39 };
const draw = (id: number): DrawnSlice[] => {
  const volume = drawBrain(options, new Generator("test").split(id));
  return Array.from({ length: options.depth }, (_, index) => volume.slice(index));
};

describe("drawBrain", () => {
  const brains: DrawnSlice[][] = [];
  beforeAll(() => {
    for (let id = 0; id < 4; id++) brains.push(draw(id));
  });

  it("draws a slice from its generator, number and size alone", () => {
    expect(drawBrain(options, new Generator("test").split(0)).slice(20)).toEqual(brains[0]![20]);
    expect(brains[1]![20]!.image).not.toEqual(brains[0]![20]!.image);
  });

  it("is whole, skull-stripped and zero outside in all four sequences", () => {
    for (const brain of brains) {
      for (const { image, labels } of brain) {
        const whole = labels.every((label, pixel) => {
          const inside = image[4 * pixel]! > 0;
          if (!inside && label !== 0) return false;
          return image.subarray(4 * pixel, 4 * pixel + 4).every((value) => (inside ? Number.isInteger(value) && value > 0 && value < 32767 : value === 0));
        });
        expect(whole).toBe(true);
      }
      const share = brain.reduce((sum, { image }) => sum + image.filter((value) => value > 0).length, 0) / (4 * options.size ** 2 * options.depth);
      // 1.1 to 1.7 litres of the volume's 8.9
      expect(share).toBeGreaterThan(0.11);
      expect(share).toBeLessThan(0.2);
    }
  });

  it("has a tumour of three nested parts", () => {
    for (const brain of brains) {
      const counts = new Map<number, number>();
      const sums: Record<number, [number, number, number]> = {};
      const extent: Record<number, [number, number]> = {};
      for (const [slice, { labels }] of brain.entries()) {
        labels.forEach((label, pixel) => {
          counts.set(label, (counts.get(label) ?? 0) + 1);
          const at = [pixel % options.size, Math.floor(pixel / options.size), slice];
          const sum = (sums[label] ??= [0, 0, 0]);
          at.forEach((value, axis) => (sum[axis]! += value));
          const range = (extent[label] ??= [Infinity, -Infinity]);
          range[0] = Math.min(range[0], slice);
          range[1] = Math.max(range[1], slice);
        });
      }
      expect([...counts.keys()].sort()).toEqual([0, 1, 2, 4]);
      // From the inside out: around the core there is no healthy tissue, and hardly anything but the rim.
      let [contacts, open] = [0, 0];
      for (const [slice, { labels }] of brain.entries()) {
        labels.forEach((label, pixel) => {
          if (label !== 1) return;
          const beside = [-1, 1, -options.size, options.size].map((step) => labels[pixel + step]!);
          for (const neighbour of [...beside, brain[slice - 1]!.labels[pixel]!, brain[slice + 1]!.labels[pixel]!]) {
            expect(neighbour).not.toBe(0);
            contacts++;
            if (neighbour === 2) open++;
          }
        });
      }
      expect(open / contacts).toBeLessThan(0.1);
      // The core and its rim lie within the oedema's range, and about its middle.
      const within = (inner: number, outer: number): boolean => extent[inner]![0] >= extent[outer]![0] - 1 && extent[inner]![1] <= extent[outer]![1] + 1;
      expect(within(1, 4)).toBe(true);
      expect(within(4, 2)).toBe(true);
      const centre = (label: number): number[] => sums[label]!.map((sum) => sum / counts.get(label)!);
      expect(Math.hypot(...centre(1).map((value, axis) => value - centre(2)[axis]!))).toBeLessThan(6);
      const share = (counts.get(1)! + counts.get(2)! + counts.get(4)!) / (options.size ** 2 * options.depth);
      expect(share).toBeGreaterThan(0.001);
      expect(share).toBeLessThan(0.05);
    }
  });

  it("shows the rim on T1ce, oedema on FLAIR, fluid on T2 and white matter on T1", () => {
    for (const brain of brains) {
      const mean = (channel: (typeof brainChannels)[number], chosen: (label: number) => boolean): number => {
        let [sum, count] = [0, 0];
        for (const { image, labels } of brain) {
          labels.forEach((label, pixel) => {
            const value = image[4 * pixel + brainChannels.indexOf(channel)]!;
            if (value === 0 || !chosen(label)) return;
            sum += value;
            count++;
          });
        }
        return sum / count;
      };
      const healthy = (label: number): boolean => label === 0;
      expect(mean("t1ce", (label) => label === 4)).toBeGreaterThan(1.3 * mean("t1ce", healthy));
      expect(mean("t1ce", (label) => label === 1)).toBeLessThan(0.8 * mean("t1ce", (label) => label === 4));
      expect(mean("flair", (label) => label === 2)).toBeGreaterThan(1.3 * mean("flair", healthy));
      expect(mean("t2", (label) => label === 1)).toBeGreaterThan(1.2 * mean("t2", healthy));
      expect(mean("t1", (label) => label === 1)).toBeLessThan(mean("t1", healthy));
    }
  });

  it("cannot be solved by the brightness of any sequence alone", () => {
    for (let channel = 0; channel < 4; channel++) {
      const values = brains[0]!.flatMap(({ image, labels }) => [...labels].map((label, pixel) => [image[4 * pixel + channel]!, label === 0 ? 0 : 1] as const)).filter(([value]) => value > 0);
      const top = values.reduce((most, [value]) => Math.max(most, value), 0);
      let best = 0;
      for (const sign of [-1, 1]) {
        for (let level = 0; level < 1; level += 0.02) {
          let [both, sum] = [0, 0];
          for (const [value, truth] of values) {
            const chosen = sign * (value - level * top) > 0 ? 1 : 0;
            both += chosen & truth;
            sum += chosen + truth;
          }
          best = Math.max(best, (2 * both) / sum);
        }
      }
      expect(best, brainChannels[channel]).toBeLessThan(0.75);
    }
  });

  it("explains wrong options", () => {
    expect(() => drawBrain({ size: 31, depth: 3 }, new Generator(0))).toThrow(/size must be an integer ≥ 32, got 31/);
  });
});
