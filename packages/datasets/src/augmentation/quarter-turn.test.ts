import { Generator } from "@hidiff/core-tensor/random";
import { describe, expect, it } from "vitest";
import { flipHorizontal, flipVertical } from "./flip.ts";
import { quarterTurn } from "./quarter-turn.ts";

describe("quarterTurn", () => {
  it("turns clockwise", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6); // [2, 3, 1]
    expect([...quarterTurn(data, 2, 3, 1, 1)]).toEqual([4, 1, 5, 2, 6, 3]);
    expect([...quarterTurn(data, 2, 3, 1, 3)]).toEqual([3, 6, 2, 5, 1, 4]);
  });

  it("by 180° is both flips, four times by 90° nothing, by −90° the inverse", () => {
    const data = new Generator(2).uniformArray(4 * 5 * 3);
    const flipped = data.slice();
    flipHorizontal(flipped, 4, 5, 3);
    flipVertical(flipped, 4, 5, 3);
    expect(quarterTurn(data, 4, 5, 3, 2)).toEqual(flipped);
    let turned = data;
    for (const [height, width] of [[4, 5], [5, 4], [4, 5], [5, 4]] as const) turned = quarterTurn(turned, height, width, 3, 1);
    expect(turned).toEqual(data);
    expect(quarterTurn(quarterTurn(data, 4, 5, 3, 1), 5, 4, 3, -1)).toEqual(data);
  });
});
