import { tensor, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { expectGradients } from "../testing/expect-gradients.ts";
import { gelu } from "./gelu.ts";

beforeAll(useTestBackend);

/** Φ(x) by its power series, `1/2 + φ(x)·Σ x^(2k+1)/(1·3·5···(2k+1))`, whose terms beyond 200 are below 1e-20 for |x| ≤ 8. */
function normalDistribution(x: number): number {
  let term = x;
  let total = x;
  for (let k = 1; k <= 200; k++) {
    term *= (x * x) / (2 * k + 1);
    total += term;
  }
  return 0.5 + (total * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

it("has the reference's values and gradients", async () => {
  const values = [-8, -4, -2, -1, -0.5, -0.01, 0, 0.01, 0.3, 1, 2, 7];
  await expectGradients({
    inputs: [{ shape: [3, 4], values }],
    operation: (x) => gelu(x!),
    reference: (x) => x!.map((value) => value * normalDistribution(value)),
  });
});

it("has the tabulated values, which differ from the tanh approximation's by up to 5e-4", () => {
  tidy(() => {
    // x·Φ(x) with Φ(1) = 0.8413447461, Φ(2) = 0.9772498681 (any table of the normal distribution).
    expect(gelu(tensor([-2, -1, 0, 1, 2])).dataSync()).toBeAllClose([-0.0455002638, -0.1586552539, 0, 0.8413447461, 1.9544997361], {
      absolute: 1e-6,
    });
  });
});

it("does not overflow", () => {
  tidy(() => {
    expect([...gelu(tensor([-1e4, 1e4])).dataSync()].map(Math.abs)).toEqual([0, 1e4]);
  });
});
