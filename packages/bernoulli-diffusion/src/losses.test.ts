import { tensor1d, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { formula } from "../../../test/goldens.ts";
import { expectGradients } from "../../core-tensor/src/testing/expect-gradients.ts";
import golden from "./fixtures/diffusion.json" with { type: "json" };
import { bernoulliKl, bernoulliNegativeLogLikelihood, focalLoss } from "./losses.ts";
import { divergence, surprise } from "./testing/reference.ts";

beforeAll(useTestBackend);

const sigmoid = (u: number): number => 1 / (1 + Math.exp(-3 * u));
const prior = formula("d.p", 32).map(sigmoid);
const epsHat = formula("d.eps", 32).map(sigmoid);
const y0 = formula("d.y0", 32).map((u) => (u > 0 ? 1 : 0));

describe("goldens", () => {
  it("kl_elementwise", () => {
    tidy(() => {
      const kl = bernoulliKl(tensor1d(prior), tensor1d(epsHat));
      expect(kl.dataSync()).toBeAllClose(golden.values.kl_elementwise, { absolute: 1e-5 });
    });
  });
  it("nll_elementwise", () => {
    tidy(() => {
      const surprises = bernoulliNegativeLogLikelihood(tensor1d(y0), tensor1d(epsHat));
      expect(surprises.dataSync()).toBeAllClose(golden.values.nll_elementwise, { absolute: 1e-6 });
    });
  });
});

describe("values and gradients", () => {
  const shape = [32];
  it("bernoulliKl", () =>
    expectGradients({
      inputs: [
        { shape, values: prior },
        { shape, values: epsHat },
      ],
      operation: (p, q) => bernoulliKl(p!, q!),
      reference: (p, q) => p!.map((mean, index) => divergence(mean, q![index]!)),
    }));
  it("bernoulliNegativeLogLikelihood", () =>
    expectGradients({
      inputs: [{ shape, values: epsHat }],
      operation: (mean) => bernoulliNegativeLogLikelihood(tensor1d(y0) as never, mean!),
      reference: (mean) => mean!.map((value, index) => surprise(y0[index]!, value)),
    }));
  it.each([0, 0.5, 1, 2, 3])("focalLoss, gamma %f", (gamma) =>
    expectGradients({
      inputs: [{ shape, values: epsHat }],
      operation: (mean) => focalLoss(tensor1d(y0) as never, mean!, gamma),
      reference: (mean) =>
        mean!.map((value, index) => {
          const likelihood = y0[index] === 1 ? value : 1 - value;
          return -((1 - likelihood) ** gamma) * Math.log(likelihood);
        }),
    }),
  );
});

it("is guarded at 0 and 1", async () => {
  await noLeak(() =>
    tidy(() => {
      const [zero, one] = [tensor1d([0]), tensor1d([1])];
      // ln(1/1e-7) = 16.118; float32 rounds 1 − 1e-7 to 1 − 1.19e-7, hence the wide bound where the guard is at 1.
      expect(bernoulliKl(one, zero).dataSync()).toBeAllClose([-Math.log(1e-7)], { absolute: 1e-4 });
      expect(bernoulliKl(one, one).dataSync()).toBeAllClose([0], { absolute: 3e-7 });
      expect(bernoulliKl(zero, zero).dataSync()).toBeAllClose([0], { absolute: 3e-7 });
      expect(bernoulliNegativeLogLikelihood(one, zero).dataSync()).toBeAllClose([-Math.log(1e-7)], { absolute: 1e-4 });
      expect(bernoulliNegativeLogLikelihood(one, one).dataSync()).toBeAllClose([0], { absolute: 3e-7 });
      expect(focalLoss(zero, one).dataSync()).toBeAllClose([-Math.log(1e-7)], { absolute: 1e-4 });
      expect(focalLoss(zero, zero).dataSync()).toBeAllClose([0], { absolute: 3e-7 });
    }),
  );
});
