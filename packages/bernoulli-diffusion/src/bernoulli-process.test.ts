import { dispose, mul, ones, sub, sum, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { formula } from "../../../test/goldens.ts";
import { gradientsOf, testVariable } from "../../core-tensor/src/testing/expect-gradients.ts";
import { createBernoulliProcess } from "./bernoulli-process.ts";
import golden from "./fixtures/diffusion.json" with { type: "json" };
import { scheduleNames } from "./schedules.ts";
import { fiveSigma, forwardChain, posterior } from "./testing/reference.ts";

beforeAll(useTestBackend);

const priors = [0, 1e-6, 0.01, 0.3, 0.5, 0.9, 0.9999, 1];
const bits = [0, 1];

/** Every combination of `yt`, `y0` and a prior, as single pixels. */
const pixels = bits.flatMap((yt) => [0, 0.2, 0.75, 1].flatMap((y0) => priors.map((prior) => ({ yt, y0, prior }))));

function row(values: readonly number[]): Tensor4D {
  return tensor4d([...values], [1, 1, values.length, 1]);
}

/** Runs `compute` on tensors and returns its numbers; fails if it leaves tensors behind. */
function numbers(compute: () => Tensor4D): Promise<Float32Array> {
  return noLeak(() => tidy(() => Float32Array.from(compute().dataSync())));
}

describe("goldens of the published process", () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const inputs = (): Record<"y0" | "yt" | "prior" | "epsHat", Tensor4D> => {
    const mask = (name: string, map: (u: number) => number): Tensor4D => tensor4d(formula(name, 32).map(map), [2, 4, 4, 1]);
    return {
      y0: mask("d.y0", (u) => (u > 0 ? 1 : 0)),
      yt: mask("d.yt", (u) => (u > 0 ? 1 : 0)),
      prior: mask("d.p", (u) => sigmoid(3 * u)),
      epsHat: mask("d.eps", (u) => sigmoid(3 * u)),
    };
  };
  const process = createBernoulliProcess();
  const cases = (prefix: string): [string, number[], number[]][] =>
    Object.entries(golden.values)
      .filter(([key]) => key.startsWith(`${prefix}/`))
      .map(([key, values]) => [key, JSON.parse(key.slice(prefix.length + 1)) as number[], values]);

  it.each(cases("q_mean"))("%s", async (_key, t, expected) => {
    const result = await numbers(() => {
      const { y0, prior } = inputs();
      return process.qMean(y0, prior, t);
    });
    expect(result).toBeAllClose(expected, { absolute: 1e-6 });
  });

  it.each(cases("posterior_mean"))("%s", async (_key, t, expected) => {
    const result = await numbers(() => {
      const { y0, yt, prior } = inputs();
      return process.posteriorMean(yt, y0, prior, t);
    });
    expect(result).toBeAllClose(expected, { absolute: 1e-6 });
  });

  it.each([
    ...cases("p_mean").map(([key, t, expected]) => [key, "mean", t, expected] as const),
    ...cases("pred_y0").map(([key, t, expected]) => [key, "y0Hat", t, expected] as const),
  ])("%s", async (_key, part, t, expected) => {
    const result = await numbers(() => {
      const { yt, prior, epsHat } = inputs();
      return process.pMean(yt, epsHat, prior, t)[part];
    });
    expect(result).toBeAllClose(expected, { absolute: 1e-6 });
  });

  it.each(cases("ddim_mean"))("%s", async (_key, t, expected) => {
    const result = await numbers(() => {
      const { yt, prior, epsHat } = inputs();
      return process.ddimMean(yt, process.y0Hat(yt, epsHat), prior, t);
    });
    expect(result).toBeAllClose(expected, { absolute: 1e-6 });
  });
});

describe.each(scheduleNames.map((schedule) => ({ schedule, steps: schedule === "linear" ? 20 : 10 })))("$schedule", (options) => {
  const process = createBernoulliProcess(options);
  const steps = Array.from({ length: process.steps }, (_, t) => t);

  it("one-step kernels compose to qMean", async () => {
    for (const t of steps) {
      const result = await numbers(() => process.qMean(row(pixels.map(({ y0 }) => y0)), row(pixels.map(({ prior }) => prior)), [t]));
      const expected = pixels.map(({ y0, prior }) => forwardChain(y0, prior, process.betas, t));
      // Two products and a sum of float32 numbers in [0, 1].
      expect(result).toBeAllClose(expected, { absolute: 3e-7 });
    }
  });

  it("the noise route y0 ⊕ ε has the distribution of qMean", () => {
    for (const t of steps) {
      for (const y0 of bits) {
        for (const prior of priors) {
          const noise = (1 - process.alphaBars[t]!) * Math.abs(prior - y0);
          const flipped = y0 === 1 ? 1 - noise : noise;
          expect(flipped).toBeCloseTo(forwardChain(y0, prior, process.betas, t), 12);
        }
      }
    }
  });

  it("posteriorMean is Bayes' rule, for soft y0 too", async () => {
    const soft = pixels.filter(({ prior }) => prior > 0 && prior < 1);
    for (const t of steps) {
      const result = await numbers(() =>
        process.posteriorMean(row(soft.map(({ yt }) => yt)), row(soft.map(({ y0 }) => y0)), row(soft.map(({ prior }) => prior)), [t]),
      );
      const expected = soft.map(({ yt, y0, prior }) => (t === 0 ? y0 : posterior(yt, y0, Math.fround(prior), process.betas, t)));
      // The quotient multiplies the relative errors (6e-8 each) of about ten float32 operations; measured: 3e-7.
      expect(result).toBeAllClose(expected, { absolute: 2e-6 });
    }
  });

  it("posteriorMean takes a hard prior as one at the margin of 1e-7", async () => {
    const hard = pixels.filter(({ prior }) => prior === 0 || prior === 1);
    for (const t of steps.slice(1)) {
      const result = await numbers(() =>
        process.posteriorMean(row(hard.map(({ yt }) => yt)), row(hard.map(({ y0 }) => y0)), row(hard.map(({ prior }) => prior)), [t]),
      );
      const margin = Math.fround(1e-7);
      const expected = hard.map(({ yt, y0, prior }) =>
        posterior(yt, y0, prior === 0 ? margin : Math.fround(1 - margin), process.betas, t),
      );
      expect(result).toBeAllClose(expected, { absolute: 2e-6 });
    }
  });
});

describe("logOdds", () => {
  const process = createBernoulliProcess();
  const softPriors = [0.002, 0.01, 0.3, 0.5, 0.9, 0.998];

  it("is Bayes' rule over both values of y0, by enumeration", async () => {
    const cases = bits.flatMap((yt) => softPriors.map((prior) => ({ yt, prior })));
    for (let t = 0; t < process.steps; t++) {
      const result = await numbers(() => process.logOdds(row(cases.map(({ yt }) => yt)), row(cases.map(({ prior }) => prior)), [t]));
      const expected = cases.map(({ yt, prior }) => {
        const joint = bits.map((y0) => {
          const mean = process.alphaBars[t]! * y0 + (1 - process.alphaBars[t]!) * prior;
          return (y0 === 1 ? prior : 1 - prior) * (yt === 1 ? mean : 1 - mean);
        }) as [number, number];
        return Math.log(joint[1] / joint[0]);
      });
      // Differences of float32 logarithms of at most 8 in magnitude.
      expect(result).toBeAllClose(expected, { absolute: 2e-5 });
    }
  });

  it("keeps a hard prior within its margin, without infinities", async () => {
    const result = await numbers(() => process.logOdds(row([0, 1, 0, 1]), row([0, 0, 1, 1]), [9]));
    expect([...result].every((value) => Number.isFinite(value) && Math.abs(value) < 8)).toBe(true);
  });
});

describe("the first step", () => {
  const process = createBernoulliProcess();

  it("has y0 as the posterior mean, exactly, alone and beside other steps", async () => {
    const y0 = [0, 1, 0.3, 0.7, 1e-20];
    for (const prior of [0, 0.4, 1]) {
      const priorRow = y0.map(() => prior);
      const alone = await numbers(() => process.posteriorMean(row(y0.map(() => 1)), row(y0), row(priorRow), [0]));
      expect([...alone]).toEqual(y0.map(Math.fround));
      const beside = await numbers(() => {
        const twice = (values: readonly number[]): Tensor4D => tensor4d([...values, ...values], [2, 1, values.length, 1]);
        return process.posteriorMean(twice(y0.map(() => 1)), twice(y0), twice(priorRow), [0, 9]);
      });
      expect(Array.from(beside.slice(0, y0.length))).toEqual(y0.map(Math.fround));
    }
  });

  it("has the gradient of y0, and none of the prior", async () => {
    await noLeak(() => {
      const y0 = testVariable([0, 1, 0.3, 0.7], [2, 1, 2, 1]);
      const prior = testVariable([0, 1, 1, 0], [2, 1, 2, 1]);
      const yt = tensor4d([1, 0, 1, 0], [2, 1, 2, 1]);
      const [ofY0, ofPrior] = gradientsOf(() => sum(process.posteriorMean(yt, y0 as never, prior as never, [0, 5])), [y0, prior]);
      expect(Array.from(ofY0!.slice(0, 2))).toEqual([1, 1]);
      expect(Array.from(ofPrior!.slice(0, 2))).toEqual([0, 0]);
      expect([...ofY0!, ...ofPrior!].every(Number.isFinite)).toBe(true);
      dispose([y0, prior, yt]);
    });
  });
});

it("posteriorMean has the gradients of Bayes' rule", async () => {
  const process = createBernoulliProcess();
  const used = pixels.filter(({ prior }) => prior >= 0.01 && prior <= 0.9);
  const weights = new Generator(3).uniformArray(used.length, -1, 1);
  for (const t of [1, 4, 9]) {
    await noLeak(() => {
      const y0 = testVariable(used.map((pixel) => pixel.y0), [1, 1, used.length, 1]);
      const prior = testVariable(used.map((pixel) => pixel.prior), [1, 1, used.length, 1]);
      const yt = row(used.map((pixel) => pixel.yt));
      const weight = row([...weights]);
      const received = gradientsOf(() => sum(mul(process.posteriorMean(yt, y0 as never, prior as never, [t]), weight)), [y0, prior]);
      // Central differences in float64. The posterior bends over as little as 5e-4 in y0: hence the small step; its error
      // is (1e-7/5e-4)² by truncation and 1e-16/1e-7 by rounding.
      const h = 1e-7;
      const slope = (f: (x: number) => number, x: number): number => (f(x + h) - f(x - h)) / (2 * h);
      const [y0s, priorValues] = [y0.dataSync(), prior.dataSync()];
      const expected = [
        used.map(({ yt: value }, i) => weights[i]! * slope((mask) => posterior(value, mask, priorValues[i]!, process.betas, t), y0s[i]!)),
        used.map(({ yt: value }, i) => weights[i]! * slope((p) => posterior(value, y0s[i]!, p, process.betas, t), priorValues[i]!)),
      ];
      // About twenty float32 operations, each with a relative error of 6e-8, on terms that partly cancel.
      received.forEach((gradient, input) => expect(gradient).toBeAllClose(expected[input]!, { absolute: 1e-5, relative: 1e-5 }));
      dispose([y0, prior, yt, weight]);
    });
  }
});

describe("qSample", () => {
  const process = createBernoulliProcess();
  const count = 20_000;

  it("has the mean of the closed form, as has the noise route", async () => {
    const generator = new Generator(11);
    for (const t of [0, 3, 9]) {
      for (const y0 of bits) {
        for (const prior of [0.05, 0.6]) {
          const expected = forwardChain(y0, prior, process.betas, t);
          const bound = fiveSigma(expected * (1 - expected), count);
          const sample = await numbers(() =>
            process.qSample(mul(ones([1, 100, count / 100, 1]), y0), mul(ones([1, 100, count / 100, 1]), prior), [t], generator),
          );
          expect(new Set(sample)).toEqual(new Set(bits));
          expect(Math.abs(average(sample) - expected)).toBeLessThan(bound);
          const noise = generator.bernoulliArray(new Float64Array(count).fill((1 - process.alphaBars[t]!) * Math.abs(prior - y0)));
          expect(Math.abs(average(noise.map((flip) => (y0 === 1 ? 1 - flip : flip))) - expected)).toBeLessThan(bound);
        }
      }
    }
  });

  it("takes each item's own step and every class by itself", async () => {
    const betas = [1e-12, 1];
    const sample = await numbers(() => {
      const y0 = tensor4d([1, 0, 0, 1, 1, 0, 0, 1], [2, 1, 2, 2]);
      return createBernoulliProcess({ betas }).qSample(y0, sub(1, y0), [0, 1], new Generator(0));
    });
    // The first item keeps y0; the second becomes the prior.
    expect([...sample]).toEqual([1, 0, 0, 1, 0, 1, 1, 0]);
  });

  it("is the same for the same seed, and another for another", async () => {
    const draw = (seed: number): Promise<Float32Array> =>
      numbers(() => process.qSample(ones([1, 8, 8, 1]), mul(ones([1, 8, 8, 1]), 0.5), [8], new Generator(seed)));
    expect(await draw(5)).toEqual(await draw(5));
    expect(await draw(5)).not.toEqual(await draw(6));
  });
});

it("y0Hat is clamped to [0, 1] for both targets", async () => {
  const epsilon = createBernoulliProcess();
  const direct = createBernoulliProcess({ target: "y0" });
  const prediction = [-0.25, 0, 0.5, 1, 1.25];
  const ofEpsilon = await numbers(() => epsilon.y0Hat(row([0, 1, 1, 0, 0]), row(prediction)));
  expect([...ofEpsilon]).toEqual([0.25, 1, 0.5, 1, 1]);
  expect([...(await numbers(() => direct.y0Hat(row([0, 1, 1, 0, 0]), row(prediction))))]).toEqual([0, 0, 0.5, 1, 1]);
});

it("ddimMean is a distribution for every eta, and y0Hat at t = 0", async () => {
  const process = createBernoulliProcess();
  for (const eta of [0, 0.5, 1]) {
    for (let t = 0; t < process.steps; t++) {
      const [yt, y0, prior] = [pixels.map((pixel) => pixel.yt), pixels.map((pixel) => pixel.y0), pixels.map((pixel) => pixel.prior)];
      const result = await numbers(() => process.ddimMean(row(yt!), row(y0!), row(prior!), [t], eta));
      if (t === 0) expect(result).toBeAllClose(y0!, { absolute: 1e-7 });
      // q(y_{t−1} | y0) must follow from q(y_t | y0) (Song et al. 2021, appendix A), here for each y0 and prior.
      pixels.forEach(({ yt: value, y0: mask, prior: probability }, index) => {
        expect(result[index]).toBeGreaterThanOrEqual(-1e-6);
        expect(result[index]).toBeLessThanOrEqual(1 + 1e-6);
        if (value === 1) return;
        const other = pixels.findIndex((pixel) => pixel.yt === 1 && pixel.y0 === mask && pixel.prior === probability);
        const marginal = forwardChain(mask, probability, process.betas, t);
        const mixed = marginal * result[other]! + (1 - marginal) * result[index]!;
        expect(mixed).toBeCloseTo(forwardChain(mask, probability, process.betas, t - 1), 5);
      });
    }
  }
});

it("ddimMean with eta 0 forgets yt, and with eta 1 the prior", async () => {
  const process = createBernoulliProcess();
  const mean = (t: number, eta: number, yt: number, prior: number): Promise<Float32Array> =>
    numbers(() => process.ddimMean(row([yt, yt]), row([0.25, 1]), row([prior, prior]), [t], eta));
  for (const t of [1, 5, 9]) {
    const marginal = [0.25, 1].map((y0) => forwardChain(y0, 0.4, process.betas, t - 1));
    for (const yt of bits) expect(await mean(t, 0, yt, 0.4)).toBeAllClose(marginal, { absolute: 3e-7 });
    expect(await mean(t, 1, 1, 0.4)).toBeAllClose(await mean(t, 1, 1, 0.9), { absolute: 3e-7 });
    const [none, half, full] = [await mean(t, 0, 1, 0.4), await mean(t, 0.5, 1, 0.4), await mean(t, 1, 1, 0.4)];
    expect(half).toBeAllClose(none.map((value, index) => (value + full[index]!) / 2), { absolute: 3e-7 });
    expect(full[0]! - none[0]!).toBeGreaterThan(0.01);
  }
});

it("explains inputs that do not fit", () => {
  const process = createBernoulliProcess();
  tidy(() => {
    const mask = ones([2, 1, 1, 1]) as Tensor4D;
    expect(() => process.qMean(mask, ones([2, 1, 2, 1]) as Tensor4D, [0, 0])).toThrow(/one shape, got y0 \[2, 1, 1, 1\] and prior \[2, 1, 2, 1\]/);
    expect(() => process.qMean(ones([2, 1]) as never, mask, [0, 0])).toThrow(/\[batch, height, width, classes\]/);
    expect(() => process.qMean(mask, mask, [0])).toThrow(/one step index per batch item, 2, got 1/);
    expect(() => process.qMean(mask, mask, [0, 10])).toThrow(/0 … 9, got 10/);
    expect(() => process.posteriorMean(mask, mask, mask, [-1, 0])).toThrow(/0 … 9, got -1/);
  });
  for (const betas of [[], [0], [0.5, 1.5], [Number.NaN]]) expect(() => createBernoulliProcess({ betas })).toThrow(/\(0, 1\]/);
});

function average(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
