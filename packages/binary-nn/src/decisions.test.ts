import { onesLike, tensor, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../test/backend.ts";
import { binaryAttentionWeights } from "./binary-attention.ts";
import { type DecisionHook, decide, withDecisionHook } from "./decisions.ts";
import { binarize } from "./time-binarization.ts";

beforeAll(useTestBackend);

const allPositive: DecisionHook = (_kind, margin) => onesLike(margin);

function signs(): number[] {
  return tidy(() => [...binarize(tensor([-2, 0, 2], [1, 1, 3]), tensor([0, 0, 0], [1, 3])).dataSync()]);
}

it("decides for what is positive: 0 and NaN are not", () => {
  tidy(() => {
    expect([...decide("TB", tensor([-1, -0, 0, 1e-30, NaN])).dataSync()]).toEqual([0, 0, 0, 1, 0]);
  });
});

describe("withDecisionHook", () => {
  it("lets the hook take every decision, in order, on the margins in the inputs' shape", () => {
    const seen: unknown[] = [];
    const result = withDecisionHook(
      (kind, margin) => {
        seen.push([kind, margin.shape, [...margin.dataSync()]]);
        return onesLike(margin);
      },
      () =>
        tidy(() => {
          const binary = binarize(tensor([1, -2, 3, -4], [2, 1, 2]), tensor([0.5, 0.5, 0, 0], [2, 2]));
          const weights = binaryAttentionWeights(tensor([20, -20], [1, 1, 2]), 0.5);
          return [...binary.dataSync(), ...weights.dataSync()];
        }),
    );
    expect(result).toEqual([1, 1, 1, 1, 1, 1]);
    expect(seen).toEqual([
      ["TB", [2, 1, 2], [1.5, -1.5, 3, -4]],
      ["attention", [1, 1, 2], [6.5, -13.5]], // score − 0.35·max = ±10 − 3.5
    ]);
  });

  it("gives the decisions back afterwards, also after an error", () => {
    expect(withDecisionHook(allPositive, signs)).toEqual([1, 1, 1]);
    expect(signs()).toEqual([-1, -1, 1]);
    const failing = (): never => {
      throw new Error("stop");
    };
    expect(() => withDecisionHook(allPositive, failing)).toThrow("stop");
    expect(signs()).toEqual([-1, -1, 1]);
  });

  it("gives them back to an outer hook", () => {
    const inner: DecisionHook = (_kind, margin) => tensor([1, 0, 1], margin.shape);
    const results = withDecisionHook(allPositive, () => [withDecisionHook(inner, signs), signs()]);
    expect(results).toEqual([[1, -1, 1], [1, 1, 1]]);
  });
});
