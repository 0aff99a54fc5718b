import { dispose, mul, ones, tensor4d, type Tensor4D, tidy, zeros } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { expectGradients } from "../../core-tensor/src/testing/expect-gradients.ts";
import { createGaussianProcess } from "./gaussian-process.ts";
import { fiveSigma } from "./testing/reference.ts";

beforeAll(useTestBackend);

const process = createGaussianProcess();
const count = 20_000;
const large = (value: number): Tensor4D => tidy(() => mul(ones([1, 100, count / 100, 1]) as Tensor4D, value));

function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  const list = Array.from(values);
  const mean = list.reduce((total, value) => total + value, 0) / list.length;
  return { mean, variance: list.reduce((total, value) => total + (value - mean) ** 2, 0) / list.length };
}

/** Of `count` normal samples: their mean varies by σ²/count, their variance by 2σ⁴/count. */
function expectNormal(values: ArrayLike<number>, mean: number, variance: number): void {
  const found = moments(values);
  expect(Math.abs(found.mean - mean)).toBeLessThan(fiveSigma(variance, count));
  expect(Math.abs(found.variance - variance)).toBeLessThan(fiveSigma(2 * variance ** 2, count));
}

it.each([0, 4, 9])("one-step kernels compose to qSample's closed form: t = %i", async (t) => {
  const generator = new Generator(t);
  for (const y0 of [0, 1]) {
    // One-step kernels q(y_t | y_{t−1}) = N(√(1−β)·y_{t−1}, β) from 2·y0 − 1.
    let [mean, variance] = [2 * y0 - 1, 0];
    for (const beta of process.betas.slice(0, t + 1)) [mean, variance] = [Math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta];
    await noLeak(() => tidy(() => expectNormal(process.qSample(large(y0), large(0.5), [t], generator).dataSync(), mean, variance)));
  }
});

it("noise and y0Hat invert qSample", async () => {
  await noLeak(() =>
    tidy(() => {
      const generator = new Generator(1);
      const y0 = tensor4d([0, 1, 1, 0, 0.25, 1, 0, 0.5], [2, 2, 2, 1]);
      for (const t of [[0, 1], [5, 9]]) {
        const yt = process.qSample(y0, y0, t, generator);
        const noise = process.noise(yt, y0, t);
        const recovered = process.y0Hat(yt, noise, t).dataSync();
        // Dividing by √ᾱ_9 = 0.012 enlarges float32's 1.2e-7 a hundredfold.
        expect(recovered).toBeAllClose(y0.dataSync(), { absolute: 5e-5 });
      }
    }),
  );
});

it("clamps y0Hat to [0, 1]", () => {
  tidy(() => {
    const yt = tensor4d([50, -50], [1, 1, 2, 1]);
    expect([...process.y0Hat(yt, zeros([1, 1, 2, 1]) as Tensor4D, [3]).dataSync()]).toEqual([1, 0]);
  });
});

describe("steps back through the true marginals, given the true y0", () => {
  it.each([
    ["ancestral", undefined],
    ["DDIM, eta 0", 0],
    ["DDIM, eta 0.5", 0.5],
    ["DDIM, eta 1", 1],
  ])("%s", async (_name, eta) => {
    const generator = new Generator(23);
    for (const t of [1, 5, 9]) {
      await noLeak(() =>
        tidy(() => {
          const [prior, y0Hat] = [large(0.5), large(1)];
          const yt = process.qSample(y0Hat, prior, [t], generator);
          const state = { yt, y0Hat, prior, t };
          const { sample } = eta === undefined ? process.ancestralStep(state, generator) : process.ddimStep(state, eta, generator);
          const alphaBar = process.alphaBars[t - 1]!;
          expectNormal(sample.dataSync(), Math.sqrt(alphaBar), 1 - alphaBar);
        }),
      );
    }
  });

  it("DDIM with eta 1 has the ancestral mean", async () => {
    await noLeak(() =>
      tidy(() => {
        const generator = new Generator(4);
        const yt = tensor4d(generator.normalArray(6), [1, 2, 3, 1]);
        const y0Hat = tensor4d(generator.uniformArray(6), [1, 2, 3, 1]);
        for (const t of [1, 5, 9]) {
          const state = { yt, y0Hat, prior: y0Hat, t };
          const expected = process.ancestralStep(state, generator).mean.dataSync();
          expect(process.ddimStep(state, 1, generator).mean.dataSync()).toBeAllClose(expected, { absolute: 2e-6 });
        }
      }),
    );
  });
});

it("has the mean squared error of the noise as its loss, with the right gradient", async () => {
  const generator = new Generator(8);
  const shape = [2, 2, 2, 1] as const;
  const y0 = generator.bernoulliArray(new Float32Array(8).fill(0.5));
  const yt = generator.normalArray(8);
  const t = [2, 7];
  await expectGradients({
    inputs: [{ shape }],
    operation: (prediction) =>
      process.loss({ yt: tensor4d(yt, [...shape]), y0: tensor4d(y0, [...shape]), prior: ones([...shape]), prediction: prediction as Tensor4D, t }).total,
    reference: (prediction) =>
      t.map((step, item) => {
        const alphaBar = process.alphaBars[step]!;
        const squares = [0, 1, 2, 3].map((pixel) => {
          const i = item * 4 + pixel;
          return (prediction![i]! - (yt[i]! - Math.sqrt(alphaBar) * (2 * y0[i]! - 1)) / Math.sqrt(1 - alphaBar)) ** 2;
        });
        return squares.reduce((total, square) => total + square, 0) / 4;
      }),
  });
});

it("refuses a schedule that leaves nothing of y0", () => {
  expect(() => createGaussianProcess({ schedule: "linear-alpha-bar" })).toThrow(/last ᾱ must be positive/);
});

it("starts from unit noise of the prior's shape", async () => {
  await noLeak(() => {
    const prior = large(0.5);
    const start = process.start(prior, new Generator(9));
    expect(start.shape).toEqual(prior.shape);
    expectNormal(start.dataSync(), 0, 1);
    dispose([prior, start]);
  });
});
