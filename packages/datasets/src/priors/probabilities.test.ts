import { expect, it } from "vitest";
import { backgroundProbabilities, normalizeProbabilities } from "./probabilities.ts";

it("backgroundProbabilities are 0 for one class, and all of it the background's for several", () => {
  expect(backgroundProbabilities(1)).toEqual([0]);
  expect(backgroundProbabilities(3)).toEqual([1, 0, 0]);
});

it("normalizeProbabilities limits one class, and makes several sum to 1", () => {
  const one = Float32Array.of(-0.001, 0.25, 1.001);
  normalizeProbabilities(one, 1);
  expect([...one]).toEqual([0, 0.25, 1]);
  const several = Float32Array.of(0.5, 0.5, 1, /**/ -1, 2, 0, /**/ 0, 0, 0);
  normalizeProbabilities(several, 3);
  expect([...several]).toEqual([0.25, 0.25, 0.5, /**/ 0, 1, 0, /**/ 1, 0, 0]);
});
