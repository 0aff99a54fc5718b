import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import type { DrawnVolume } from "./drawn-volume.ts";
import { drawHippocampus } from "./hippocampus.ts";

const draw = (id: number): DrawnVolume => drawHippocampus(new Generator("test").split(id));

describe("drawHippocampus", () => {
  it("draws a slice from its generator and number alone", () => {
    expect(draw(0).slice(12)).toEqual(draw(0).slice(12));
    expect(draw(1).slice(12)).not.toEqual(draw(0).slice(12));
  });

  it("has a front and a back part of the sizes of the original, each in its half", () => {
    const levels: number[] = [];
    for (let id = 0; id < 5; id++) {
      const volume = draw(id);
      expect(volume.width).toBeGreaterThanOrEqual(34);
      expect(volume.height).toBeGreaterThanOrEqual(48);
      expect(volume.depth).toBeGreaterThanOrEqual(32);
      const counts = [0, 0, 0];
      const rows = [0, 0, 0];
      let brightest = 0;
      for (let index = 0; index < volume.depth; index++) {
        const { image, labels } = volume.slice(index);
        labels.forEach((label, pixel) => {
          counts[label]!++;
          rows[label]! += Math.floor(pixel / volume.width);
        });
        brightest = image.reduce((most, value) => Math.max(most, value), brightest);
        expect(image.every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
      }
      levels.push(brightest);
      for (const label of [1, 2]) {
        expect(counts[label]).toBeGreaterThan(350);
        expect(counts[label]).toBeLessThan(2200);
      }
      // Rows run from front to back.
      expect(rows[1]! / counts[1]! + 8).toBeLessThan(rows[2]! / counts[2]!);
    }
    // Intensities vary wildly.
    expect(Math.max(...levels) / Math.min(...levels)).toBeGreaterThan(2);
  });
});
