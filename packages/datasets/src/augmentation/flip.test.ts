import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { flipHorizontal, flipVertical } from "./flip.ts";

describe("flips", () => {
  it("mirror pixels and keep their channels in order", () => {
    const data = Float32Array.of(1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60); // [2, 3, 2]
    flipHorizontal(data, 2, 3, 2);
    expect([...data]).toEqual([3, 30, 2, 20, 1, 10, 6, 60, 5, 50, 4, 40]);
    flipVertical(data, 2, 3, 2);
    expect([...data]).toEqual([6, 60, 5, 50, 4, 40, 3, 30, 2, 20, 1, 10]);
  });

  it.each([[4, 6, 3], [5, 3, 1], [1, 1, 3], [0, 4, 2], [3, 0, 1]])("are involutions on [%i, %i, %i]", (height, width, channels) => {
    const data = new Generator(1).uniformArray(height * width * channels);
    for (const flip of [flipHorizontal, flipVertical]) {
      const flipped = data.slice();
      flip(flipped, height, width, channels);
      flip(flipped, height, width, channels);
      expect(flipped).toEqual(data);
    }
  });
});
