import { clipByValue, dispose, sum, type Tensor, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { formula } from "../../../test/goldens.ts";
import { expectGradients, gradientsOf, testVariable } from "../../core-tensor/src/testing/expect-gradients.ts";
import { createBernoulliProcess } from "./bernoulli-process.ts";
import { diffusionLoss } from "./diffusion-loss.ts";
import golden from "./fixtures/diffusion.json" with { type: "json" };
import { itemLoss, surprise } from "./testing/reference.ts";

beforeAll(useTestBackend);

const process = createBernoulliProcess();
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("goldens of the published losses", () => {
  const mask = (name: string, map: (u: number) => number): Tensor4D => tensor4d(formula(name, 32).map(map), [2, 4, 4, 1]);
  const published = (t: readonly number[]): { kl: number[]; focal: number[]; total: number[] } =>
    tidy(() => {
      const { kl, focal, total } = diffusionLoss(process, {
        y0: mask("d.y0", (u) => (u > 0 ? 1 : 0)),
        yt: mask("d.yt", (u) => (u > 0 ? 1 : 0)),
        prior: mask("d.p", (u) => sigmoid(3 * u)),
        prediction: mask("d.eps", (u) => sigmoid(3 * u)),
        t,
      });
      return { kl: [...kl.dataSync()], focal: [...focal.dataSync()], total: [...total.dataSync()] };
    });
  const bounds = Object.entries(golden.values).filter(([key]) => key.startsWith("vb_bits/"));

  it.each(bounds)("%s", (key, expected) => {
    expect(published(JSON.parse(key.slice("vb_bits/".length)) as number[]).kl).toBeAllClose(expected, { absolute: 1e-5 });
  });

  it("gives an item the same loss whatever the other item's step is", () => {
    const first = golden.values["vb_bits/[1, 9]"][0]!;
    const second = golden.values["vb_bits/[0, 0]"][1]!;
    expect(published([1, 0]).kl).toBeAllClose([first, second], { absolute: 1e-5 });
  });

  it("focal, in nats there and in bits here, and the total", () => {
    const { kl, focal, total } = published([2, 7]);
    expect(focal.map((value) => value * Math.LN2)).toBeAllClose(golden.values["focal/gamma2"], { absolute: 1e-6 });
    expect(total).toBeAllClose(kl.map((value, item) => value + focal[item]!), { absolute: 1e-6 });
  });
});

describe("has the values and gradients of the float64 reference", () => {
  const shape = [2, 2, 3, 2] as const;
  const size = 24;
  const generator = new Generator(17);
  const yt = generator.bernoulliArray(new Float32Array(size).fill(0.5));
  const y0 = generator.bernoulliArray(new Float32Array(size).fill(0.5));
  const prior = generator.uniformArray(size, 0.05, 0.95);
  const prediction = generator.uniformArray(size, 0.05, 0.95);

  it.each([
    ["no item at t = 0", [3, 9], {}],
    ["one item at t = 0", [0, 6], {}],
    ["without the focal term", [1, 5], { focalWeight: 0 }],
    ["with another focal term", [0, 8], { focalWeight: 0.5, gamma: 1.5 }],
  ])("%s", async (_name, t, options) => {
    for (const target of ["epsilon", "y0"] as const) {
      await expectGradients({
        inputs: [{ shape, values: prior }, { shape, values: prediction }],
        operation: (priorTensor, predictionTensor) =>
          diffusionLoss(createBernoulliProcess({ target }), {
            yt: tensor4d(yt, [...shape]),
            y0: tensor4d(y0, [...shape]),
            prior: priorTensor as Tensor4D,
            prediction: predictionTensor as Tensor4D,
            t,
            ...options,
          }).total,
        reference: (priors, predictions) =>
          t.map((step, item) => {
            const pixels = Array.from({ length: size / 2 }, (_, i) => item * (size / 2) + i).map((i) => ({
              yt: yt[i]!,
              y0: y0[i]!,
              prior: priors![i]!,
              epsHat: target === "epsilon" ? predictions![i]! : Math.abs(yt[i]! - predictions![i]!),
            }));
            return itemLoss(pixels, step, process.betas, options).total;
          }),
      });
    }
  });
});

it("at t = 0 it is the negative log-likelihood, in which the prior has no part", async () => {
  const shape = [2, 1, 2, 1] as const;
  const [yt, y0] = [[0, 1, 1, 0], [0, 0, 1, 1]];
  await expectGradients({
    inputs: [{ shape, values: [0.2, 0.6, 0.3, 0.9] }],
    operation: (prediction) => {
      const [latent, mask, prior] = [yt!, y0!, [0, 0.5, 1, 0.1]].map((values) => tensor4d(values, [...shape]));
      return diffusionLoss(process, { yt: latent!, y0: mask!, prior: prior!, prediction: prediction as Tensor4D, t: [0, 0] }).kl;
    },
    reference: (prediction) =>
      [0, 1].map((item) => {
        const surprises = [2 * item, 2 * item + 1].map((i) => surprise(y0![i]!, Math.abs(yt![i]! - prediction![i]!)));
        return (surprises[0]! + surprises[1]!) / 2 / Math.LN2;
      }),
  });
});

describe("stays finite, with finite gradients, at the ends of the ranges", () => {
  const corners = [0, 1].flatMap((yt) =>
    [0, 1].flatMap((y0) => [0, 1e-9, 0.5, 1].flatMap((prior) => [0, 1e-9, 0.5, 1].map((prediction) => ({ yt, y0, prior, prediction })))),
  );
  it.each([0, 1, 9])("t = %i", async (t) => {
    await noLeak(() => {
      const shape = [corners.length, 1, 1, 1] as const;
      const prior = testVariable(corners.map((corner) => corner.prior), shape);
      const prediction = testVariable(corners.map((corner) => corner.prediction), shape);
      const yt = tensor4d(corners.map((corner) => corner.yt), [...shape]);
      const y0 = tensor4d(corners.map((corner) => corner.y0), [...shape]);
      const items = corners.map((_, index) => (index === 0 ? 0 : t));
      const total = (): Tensor =>
        diffusionLoss(process, { yt, y0, prior: prior as never, prediction: prediction as never, t: items }).total;
      tidy(() => total().dataSync().forEach((value) => expect(value).toSatisfy(Number.isFinite)));
      for (const gradient of gradientsOf(() => sum(total()), [prior, prediction])) {
        expect(gradient.findIndex((value) => !Number.isFinite(value))).toBe(-1);
      }
      dispose([prior, prediction, yt, y0]);
    });
  });
});

it("is nearly 0 for a perfect prediction, at every step", async () => {
  await noLeak(() =>
    tidy(() => {
      const generator = new Generator(2);
      const shape: [number, number, number, number] = [10, 4, 4, 1];
      const y0 = tensor4d(generator.bernoulliArray(new Float32Array(160).fill(0.5)), shape);
      const prior = tensor4d(generator.uniformArray(160), shape);
      const t = Array.from({ length: 10 }, (_, step) => step);
      const yt = process.qSample(y0, prior, t, generator);
      const { total } = diffusionLoss(process, { yt, y0, prior, prediction: clipByValue(process.noise(yt, y0), 0, 1), t });
      // The guards of 1e-7 leave at most a few of their own size, in bits.
      total.dataSync().forEach((value) => expect(Math.abs(value)).toBeLessThan(1e-6));
    }),
  );
});
