import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { affineWindowMap, windowMap, type AffineParameters } from "./affine.ts";
import { quarterTurn } from "./quarter-turn.ts";
import { fieldOfViewFraction, insideMap, sampleBilinear, sampleNearest, type Plane } from "./sampling.ts";

const still: AffineParameters = { rotation: 0, scale: 1, shear: 0, shiftX: 0, shiftY: 0 };

function plane(height: number, width: number, channels: number): Plane {
  return { data: new Generator(3).uniformArray(height * width * channels, -1, 1), height, width, channels };
}

describe("sampling a window", () => {
  it.each([[6, 7, 3], [1, 1, 3]])("copies [%i, %i, %i] under the identity", (height, width, channels) => {
    const source = plane(height, width, channels);
    for (const map of [windowMap(0, 0), affineWindowMap(still, 0, 0, height, width)]) {
      expect(sampleBilinear(source, map, height, width, [-1, -1, -1])).toEqual(source.data);
      expect(sampleNearest(source, map, height, width)).toEqual(source.data);
    }
  });

  it.each([[90, 1], [-180, 2], [270, 3], [450, 1]])("turns exactly by %i°", (rotation, turns) => {
    for (const side of [5, 6]) {
      const source = plane(side, side, 3);
      const map = affineWindowMap({ ...still, rotation }, 0, 0, side, side);
      const turned = quarterTurn(source.data, side, side, 3, turns);
      expect(sampleBilinear(source, map, side, side, [-1, -1, -1])).toEqual(turned);
      expect(sampleNearest(source, map, side, side)).toEqual(turned);
    }
  });

  it("moves content forward by scale · R · shear about the window's centre, then shifts", () => {
    const parameters: AffineParameters = { rotation: 30, scale: 1.3, shear: 20, shiftX: 2.5, shiftY: -1.25 };
    const [left, top, height, width] = [4, 7, 9, 12];
    const map = affineWindowMap(parameters, left, top, height, width);
    const angle = (30 * Math.PI) / 180;
    const lean = Math.tan((20 * Math.PI) / 180);
    for (const [x, y] of [[0, 0], [5, 2], [11, 8]] as const) {
      const sheared = [x - 5.5 - lean * (y - 4), y - 4] as const;
      const outputX = 1.3 * (Math.cos(angle) * sheared[0] - Math.sin(angle) * sheared[1]) + 5.5 + 2.5;
      const outputY = 1.3 * (Math.sin(angle) * sheared[0] + Math.cos(angle) * sheared[1]) + 4 - 1.25;
      expect(map.xx * outputX + map.xy * outputY + map.x0).toBeCloseTo(left + x, 10);
      expect(map.yx * outputX + map.yy * outputY + map.y0).toBeCloseTo(top + y, 10);
    }
  });

  it("reproduces a linear ramp between pixels", () => {
    const source = { data: Float32Array.from({ length: 64 }, (_, i) => 0.1 * (i % 8) - 0.05 * Math.floor(i / 8)), height: 8, width: 8, channels: 1 };
    const map = { xx: 0.7, xy: 0.2, x0: 0.3, yx: -0.1, yy: 0.8, y0: 1.4 };
    const read = sampleBilinear(source, map, 5, 5, [-1]);
    for (let y = 0; y < 5; y++) {
      for (let x = 0; x < 5; x++) {
        const expected = 0.1 * (0.7 * x + 0.2 * y + 0.3) - 0.05 * (-0.1 * x + 0.8 * y + 1.4);
        expect(read[y * 5 + x]).toBeCloseTo(expected, 6); // float32 storage
      }
    }
  });

  it("pads images with the outside value and masks with background", () => {
    const image = { data: Float32Array.of(0.5), height: 1, width: 1, channels: 1 };
    expect([...sampleBilinear(image, windowMap(-1, -1), 3, 3, [-1])]).toEqual([-1, -1, -1, -1, 0.5, -1, -1, -1, -1]);
    expect(sampleBilinear(image, windowMap(-0.5, 0), 1, 2, [-1])).toEqual(Float32Array.of(-0.25, -0.25));
    const two = { data: Float32Array.of(0.5, 4), height: 1, width: 1, channels: 2 };
    expect([...sampleBilinear(two, windowMap(-0.5, 0), 1, 3, [-1, 2])]).toEqual([-0.25, 3, -0.25, 3, -1, 2]);
    expect([...sampleNearest({ ...image, data: Float32Array.of(1) }, windowMap(-1, 0), 1, 3)]).toEqual([0, 1, 0]);
    const oneHot = { data: Float32Array.of(0, 0, 1), height: 1, width: 1, channels: 3 };
    expect([...sampleNearest(oneHot, windowMap(-1, 0), 1, 2)]).toEqual([1, 0, 0, 0, 0, 1]);
    expect([...insideMap(image, windowMap(-1, 0), 1, 3)]).toEqual([0, 1, 0]);
  });

  it("measures the field of view under a window", () => {
    const fieldOfView = Uint8Array.from({ length: 400 }, (_, i) => (i % 20 < 10 ? 1 : 0));
    const source = { height: 20, width: 20, fieldOfView };
    expect(fieldOfViewFraction(source, windowMap(0, 0), 20, 20)).toBe(0.5);
    expect(fieldOfViewFraction(source, windowMap(5, 0), 20, 10)).toBe(0.5);
    expect(fieldOfViewFraction(source, windowMap(10, 0), 20, 10)).toBe(0);
    expect(fieldOfViewFraction({ height: 20, width: 20 }, windowMap(-10, 0), 20, 20)).toBe(0.5);
    expect(fieldOfViewFraction({ height: 200, width: 200 }, windowMap(0, 0), 200, 200)).toBe(1);
  });
});
