import { expect, it } from "vitest";
import { arrayStack } from "../testing/stacks.ts";
import { mapPrior } from "./map-prior.ts";

const size = { depth: 1, height: 1, width: 2 };
const three = arrayStack(Float32Array.of(0.5, 0.25, 0.25, /**/ 0, 0.75, 0.25), { ...size, channels: 3 }, { outside: [1, 0, 0] });
const one = arrayStack(Float32Array.of(0.25, 1), size);

const mapped = (...parameters: Parameters<typeof mapPrior>): number[] => Array.from(mapPrior(...parameters).slice(0));

it("leaves a prior of the model's own classes alone", () => {
  expect(mapPrior(three, new Map([[0, 0], [1, 1], [2, 2]]), 3)).toBe(three);
  expect(mapPrior(one, new Map([[0, 0], [1, 1]]), 1)).toBe(one);
});

it("puts channels in the model's order, adds them up, and takes the rest for background", () => {
  expect(mapped(three, new Map([[0, 0], [1, 2], [2, 1]]), 3)).toEqual([0.5, 0.25, 0.25, /**/ 0, 0.25, 0.75]);
  expect(mapped(three, new Map([[0, 0], [1, 1], [2, 1]]), 2)).toEqual([0.5, 0.5, /**/ 0, 1]);
  expect(mapped(three, new Map([[0, 0], [1, 0], [2, 2]]), 3)).toEqual([0.75, 0, 0.25, /**/ 0.75, 0, 0.25]);
});

it("goes from one class to several and back", () => {
  expect(mapped(one, new Map([[0, 0], [1, 2]]), 3)).toEqual([0.75, 0, 0.25, /**/ 0, 0, 1]);
  expect(mapped(three, new Map([[0, 0], [1, 0], [2, 1]]), 1)).toEqual([0.25, 0.25]);
  expect(mapPrior(three, new Map([[0, 0], [1, 0], [2, 1]]), 1)).toMatchObject({ channels: 1, outside: [0] });
});
