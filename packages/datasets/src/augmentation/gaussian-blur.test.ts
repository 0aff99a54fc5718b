import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { gaussianBlur } from "./gaussian-blur.ts";

/** Every weight of the two-dimensional kernel, pixel by pixel. */
function bruteForce(image: Float32Array, height: number, width: number, channels: number, size: number, sigma: number): number[] {
  const reach = (size - 1) / 2;
  const bounce = (index: number, length: number): number => {
    while (index < 0 || index >= length) index = index < 0 ? -index : 2 * (length - 1) - index;
    return index;
  };
  const blurred: number[] = [];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let weights = 0;
        for (let dy = -reach; dy <= reach; dy++) {
          for (let dx = -reach; dx <= reach; dx++) {
            const weight = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
            sum += weight * image[(bounce(row + dy, height) * width + bounce(column + dx, width)) * channels + channel]!;
            weights += weight;
          }
        }
        blurred.push(sum / weights);
      }
    }
  }
  return blurred;
}

describe("gaussianBlur", () => {
  it.each([[9, 14, 3, 25, 2], [16, 5, 1, 25, 0.8], [6, 7, 2, 5, 3]])(
    "equals the full kernel on [%i, %i, %i], size %i, sigma %f",
    (height, width, channels, size, sigma) => {
      const image = new Generator(7).uniformArray(height * width * channels, -1, 1);
      const blurred = gaussianBlur(image, height, width, channels, size, sigma);
      const expected = bruteForce(image, height, width, channels, size, sigma);
      // Two passes of float32 storage: 2⁻²⁴ each; the left-out weights are below 1e-8 of the largest.
      blurred.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(3e-7));
    },
  );

  it("copies where sigma is tiny, and handles one pixel and none", () => {
    const image = new Generator(8).uniformArray(48);
    expect(gaussianBlur(image, 4, 4, 3, 25, 0.001)).toEqual(image);
    expect(gaussianBlur(Float32Array.of(0.25), 1, 1, 1, 25, 2)[0]).toBeCloseTo(0.25, 6);
    expect(gaussianBlur(new Float32Array(0), 0, 4, 3, 25, 2)).toHaveLength(0);
  });

  it("refuses even sizes and a sigma of 0", () => {
    expect(() => gaussianBlur(new Float32Array(4), 2, 2, 1, 24, 1)).toThrow(/odd size/);
    expect(() => gaussianBlur(new Float32Array(4), 2, 2, 1, 25, 0)).toThrow(/positive sigma/);
  });
});
