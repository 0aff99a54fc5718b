import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { btcvOrgans } from "./abdomen-anatomy.ts";
import { btcvToSynapse, drawAbdomen } from "./abdomen.ts";
import type { DrawnSlice, DrawnVolume } from "./drawn-volume.ts";

const options = { size: 96, depth: 20 };

interface Organ {
  readonly voxels: number;
  /** Means, in fractions of the volume: column from the patient's right, row from the front, slice from the feet. */
  readonly column: number;
  readonly row: number;
  readonly slice: number;
  readonly density: number;
}

function organsOf(slices: readonly DrawnSlice[]): Map<number, Organ> {
  const sums = new Map<number, [number, number, number, number, number]>();
  for (const [index, { labels, image }] of slices.entries()) {
    labels.forEach((label, pixel) => {
      const sum = sums.get(label) ?? [0, 0, 0, 0, 0];
      [1, (pixel % options.size) + 0.5, Math.floor(pixel / options.size) + 0.5, index + 0.5, image[pixel]!].forEach((value, i) => (sum[i]! += value));
      sums.set(label, sum);
    });
  }
  return new Map(
    [...sums].map(([label, [voxels, column, row, slice, density]]) => [
      label,
      {
        voxels,
        column: column / voxels / options.size,
        row: row / voxels / options.size,
        slice: slice / voxels / options.depth,
        density: density / voxels,
      },
    ]),
  );
}

describe("drawAbdomen", () => {
  const volumes: DrawnVolume[] = [];
  const slices: DrawnSlice[][] = [];
  beforeAll(() => {
    for (let id = 0; id < 3; id++) {
      const volume = drawAbdomen(options, new Generator("test").split(id));
      volumes.push(volume);
      slices.push(Array.from({ length: options.depth }, (_, index) => volume.slice(index)));
    }
  });

  it("draws a slice from its generator, number and size alone", () => {
    expect(volumes[0]!.slice(9)).toEqual(slices[0]![9]);
    expect(drawAbdomen(options, new Generator("test").split(0)).slice(9)).toEqual(slices[0]![9]);
    expect(slices[1]![9]!.labels).not.toEqual(slices[0]![9]!.labels);
    expect(volumes[0]!.spacing).toEqual([11.25, 380 / 96, 380 / 96]);
  });

  it("has all thirteen organs in plausible sizes", () => {
    for (const volume of slices) {
      const organs = organsOf(volume);
      expect([...organs.keys()].sort((a, b) => a - b)).toEqual([0, ...Object.keys(btcvOrgans).map(Number)]);
      const millilitres = (label: number): number => (organs.get(label)!.voxels * 11.25 * (380 / 96) ** 2) / 1000;
      for (const [label, least, most] of [[6, 900, 2600], [1, 100, 500], [2, 80, 300], [3, 80, 300], [4, 8, 60], [7, 80, 700], [8, 30, 120], [11, 30, 160]] as const) {
        expect(millilitres(label), btcvOrgans[label]).toBeGreaterThan(least);
        expect(millilitres(label), btcvOrgans[label]).toBeLessThan(most);
      }
    }
  });

  it("places them where they are in a patient seen from the feet", () => {
    for (const volume of slices) {
      const organs = organsOf(volume);
      const [spleen, rightKidney, leftKidney, gallbladder, , liver, stomach, aorta, cava, , pancreas] = Array.from({ length: 13 }, (_, i) => organs.get(i + 1)!);
      for (const onTheRight of [liver!, rightKidney!, gallbladder!, cava!]) expect(onTheRight.column).toBeLessThan(0.5);
      for (const onTheLeft of [spleen!, leftKidney!, stomach!, aorta!]) expect(onTheLeft.column).toBeGreaterThan(0.5);
      // Kidneys are a pair on both sides of the vessels, behind them; the stomach and gallbladder lie in front.
      expect(leftKidney!.column - 0.5).toBeCloseTo(0.5 - rightKidney!.column, 1);
      expect(Math.abs(aorta!.column - 0.5)).toBeLessThan(0.06);
      expect(cava!.column).toBeLessThan(aorta!.column);
      for (const kidney of [leftKidney!, rightKidney!]) expect(kidney.row).toBeGreaterThan(aorta!.row);
      for (const inFront of [stomach!, gallbladder!, pancreas!]) expect(inFront.row).toBeLessThan(aorta!.row);
      expect(spleen!.row).toBeGreaterThan(stomach!.row);
      expect(liver!.slice).toBeGreaterThan(rightKidney!.slice);
      expect(rightKidney!.slice).toBeLessThan(leftKidney!.slice);
    }
  });

  it("has Hounsfield units of their tissues, and noise", () => {
    for (const volume of slices) {
      const organs = organsOf(volume);
      for (const [label, least, most] of [[6, 85, 140], [1, 75, 135], [2, 110, 210], [4, -15, 45], [8, 115, 210], [11, 45, 120]] as const) {
        expect(organs.get(label)!.density, btcvOrgans[label]).toBeGreaterThan(least);
        expect(organs.get(label)!.density, btcvOrgans[label]).toBeLessThan(most);
      }
      const values = volume.flatMap(({ image }) => [...image]);
      expect(values.every((value) => Number.isInteger(value) && value >= -1024 && value < 1500)).toBe(true);
      expect(volume[5]!.image[0]).toBeLessThan(-900);
      expect(values.some((value) => value > 350)).toBe(true); // bone
      expect(values.filter((value) => value > -140 && value < -70).length / values.length).toBeGreaterThan(0.08); // fat
    }
  });

  it("changes smoothly from slice to slice", () => {
    const thin = drawAbdomen({ size: 64, depth: 75 }, new Generator("smooth"));
    for (const index of [30, 40, 50]) {
      const [one, next, far] = [index, index + 1, index + 12].map((at) => thin.slice(at).labels);
      const changed = (other: Uint8Array): number => one!.reduce((sum, label, pixel) => sum + (label === other[pixel] ? 0 : 1), 0);
      const foreground = one!.filter((label) => label > 0).length;
      expect(changed(next!)).toBeLessThan(0.25 * foreground);
      expect(changed(next!)).toBeLessThan(0.6 * changed(far!));
    }
  });

  it("cannot be solved by brightness alone", () => {
    // The most frequent organ of each density, chosen with the truth at hand.
    const counts = new Map<number, Map<number, number>>();
    const pairs = slices[0]!.flatMap(({ image, labels }) => [...labels].map((label, pixel) => [Math.round(image[pixel]! / 10), btcvToSynapse[label]!] as const));
    for (const [density, organ] of pairs) {
      const row = counts.get(density) ?? new Map<number, number>();
      counts.set(density, row.set(organ, (row.get(organ) ?? 0) + 1));
    }
    const best = new Map([...counts].map(([density, row]) => [density, [...row].sort((a, b) => b[1] - a[1])[0]![0]]));
    const dice = [1, 2, 3, 4, 5, 6, 7, 8].map((organ) => {
      let [both, sum] = [0, 0];
      for (const [density, truth] of pairs) {
        const chosen = best.get(density);
        both += chosen === organ && truth === organ ? 1 : 0;
        sum += (chosen === organ ? 1 : 0) + (truth === organ ? 1 : 0);
      }
      return (2 * both) / sum;
    });
    expect(dice.reduce((sum, value) => sum + value, 0) / dice.length).toBeLessThan(0.35);
  });

  it("maps BTCV's numbers to TransUNet's by name", () => {
    const synapse = ["", "aorta", "gallbladder", "left kidney", "right kidney", "liver", "pancreas", "spleen", "stomach"];
    for (const [label, name] of Object.entries(btcvOrgans)) expect(btcvToSynapse[Number(label)]).toBe(Math.max(0, synapse.indexOf(name)));
  });

  it("explains wrong options", () => {
    expect(() => drawAbdomen({ size: 20, depth: 3 }, new Generator(0))).toThrow(/size must be an integer ≥ 32, got 20/);
    expect(() => drawAbdomen({ size: 64, depth: 0 }, new Generator(0))).toThrow(/depth must be an integer ≥ 1, got 0/);
  });
});
