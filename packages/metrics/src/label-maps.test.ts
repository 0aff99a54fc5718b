import { describe, expect, it } from "vitest";
import { channelMask, classMask } from "./label-maps.ts";

describe("classMask", () => {
  it("marks one class", () => {
    expect([...classMask(Int32Array.of(0, 2, 1, 2), 2)]).toEqual([0, 1, 0, 1]);
    expect([...classMask([0, 2], 7)]).toEqual([0, 0]);
    expect(classMask([], 1)).toHaveLength(0);
  });

  it("refuses probabilities", () => {
    expect(() => classMask([0, 0.3], 0)).toThrow(expect.objectContaining({ code: "metrics.label-values" }));
  });
});

describe("channelMask", () => {
  const oneHot = [1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1];

  it("agrees with the class masks of the label map", () => {
    for (const channel of [0, 1, 2]) {
      expect([...channelMask(oneHot, channel, 3)]).toEqual([...classMask([0, 2, 1, 2], channel)]);
    }
  });

  it("refuses a channel out of range and a length that does not fit", () => {
    expect(() => channelMask(oneHot, 3, 3)).toThrow(expect.objectContaining({ code: "metrics.classes" }));
    expect(() => channelMask(oneHot, 0, 5)).toThrow(expect.objectContaining({ code: "metrics.length" }));
  });
});
