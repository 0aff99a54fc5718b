import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { NoiseField } from "./noise-field.ts";
import { ellipsoid, subtract, tube, union } from "./shapes.ts";

describe("shapes", () => {
  it("ellipsoids have the distance of a sphere, and a surface at their radii along any axis", () => {
    const sphere = ellipsoid([1, 2, 3], [4, 4, 4]);
    expect(sphere.distance(1, 2, 10)).toBeCloseTo(3, 9);
    expect(sphere.distance(1, 2, 4)).toBeCloseTo(-3, 9);
    const turned = ellipsoid([0, 0, 0], [2, 3, 5], [1, 1, 1]);
    const along = 5 / Math.sqrt(3);
    expect(turned.distance(along, along, along)).toBeCloseTo(0, 9);
    expect(turned.distance(-along, -along, -along)).toBeCloseTo(0, 9);
    expect(turned.distance(2 / Math.SQRT2, 0, -2 / Math.SQRT2)).toBeCloseTo(0, 9);
    expect(turned.distance(0, 0, 0)).toBeLessThan(0);
  });

  it("tubes change their radius evenly and end round", () => {
    const cone = tube([[0, 0, 0, 1], [10, 0, 0, 3]]);
    expect(cone.distance(5, 4, 0)).toBeCloseTo(2, 9);
    expect(cone.distance(-3, 0, 0)).toBeCloseTo(2, 9);
    const bent = tube([[0, 0, 0, 1], [10, 0, 0, 1], [10, 10, 0, 1]]);
    expect(bent.distance(0, 0, 0)).toBeCloseTo(-1, 9);
    expect(bent.distance(10, 10, 0)).toBeCloseTo(-1, 9);
    expect(bent.distance(10, 0, 0)).toBeGreaterThan(0); // the corner is cut
  });

  it("unions and differences agree with sets away from their seams", () => {
    const [a, b] = [ellipsoid([0, 0, 0], [3, 3, 3]), ellipsoid([4, 0, 0], [3, 3, 3])];
    for (const [x, inA, inB] of [[-2, true, false], [2, true, true], [6, false, true], [9, false, false]] as const) {
      expect(union([a, b], 0.5).distance(x, 0, 0) < 0).toBe(inA || inB);
      expect(subtract(a, b, 0.5).distance(x, 0, 0) < 0).toBe(inA && !inB);
    }
  });
});

describe("NoiseField", () => {
  it("is the lattice's number at its points, smooth between, and repeats", () => {
    const field = new NoiseField(new Generator(5));
    const lattice = new Generator(5).uniformArray(32 ** 3, -1, 1);
    expect(field.at(3, 1, 2)).toBeCloseTo(lattice[(2 * 32 + 1) * 32 + 3]!, 6);
    expect(field.at(3 + 32, 1 - 32, 2)).toBeCloseTo(field.at(3, 1, 2), 9);
    expect(field.at(3.5, 1, 2)).toBeCloseTo((lattice[(2 * 32 + 1) * 32 + 3]! + lattice[(2 * 32 + 1) * 32 + 4]!) / 2, 6);
    let steepest = 0;
    for (let x = -2; x < 2; x += 0.01) {
      expect(Math.abs(field.fractal(x, 0.3, -x, 3))).toBeLessThanOrEqual(1);
      steepest = Math.max(steepest, Math.abs(field.at(x + 0.01, 0.2, 0.7) - field.at(x, 0.2, 0.7)));
    }
    expect(steepest).toBeLessThan(0.04);
  });
});
