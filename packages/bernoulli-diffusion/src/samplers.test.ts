import { abs, add, dispose, keep, memory, mul, ones, sub, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import { Generator } from "@hidiff/core-tensor/random";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { type BernoulliProcess, createBernoulliProcess } from "./bernoulli-process.ts";
import { createGaussianProcess } from "./gaussian-process.ts";
import { respace, spaceSteps } from "./respacing.ts";
import { sampleAncestral, sampleDdim, type SamplerOptions } from "./samplers.ts";
import { fiveSigma, forwardChain } from "./testing/reference.ts";

beforeAll(useTestBackend);

type Sampler = (process: BernoulliProcess, options: SamplerOptions) => Tensor4D;
const samplers: [string, Sampler][] = [
  ["ancestral", sampleAncestral],
  ["DDIM", sampleDdim],
  ["DDIM with eta 0.3", (process, options) => sampleDdim(process, { ...options, eta: 0.3 })],
];
const process = createBernoulliProcess();
const shape: [number, number, number, number] = [2, 5, 3, 2];

function random(seed: number, hard: boolean): Tensor4D {
  const values = new Generator(seed).uniformArray(60);
  return tensor4d(hard ? values.map(Math.round) : values, shape);
}

/** The numbers of the map that a sampler returns; fails if any other tensor is left behind. */
function probabilities(sampler: Sampler, of: BernoulliProcess, options: Omit<SamplerOptions, "prior">, priorSeed = 1): Promise<number[]> {
  return noLeak(() => {
    const prior = random(priorSeed, false);
    const result = sampler(of, { prior, ...options });
    const values = [...result.dataSync()];
    expect(result.shape).toEqual(prior.shape);
    dispose([prior, result]);
    return values;
  });
}

describe.each(samplers)("%s", (_name, sampler) => {
  const undecided = (yt: Tensor4D): Tensor4D => add(mul(yt, 0.4), 0.2);

  it.each(["epsilon", "y0"] as const)("returns y0 exactly from a perfect predictor of %s", async (target) => {
    const truth = random(7, true);
    for (const steps of [undefined, 1, 3, "ddimuni5"]) {
      const predict = (yt: Tensor4D): Tensor4D => (target === "epsilon" ? process.noise(yt, truth) : add(truth, 0));
      const result = await probabilities(sampler, createBernoulliProcess({ target }), { predict, generator: new Generator(3), steps });
      expect(result).toEqual([...truth.dataSync()]);
    }
    dispose(truth);
  });

  it("seeks the most probable mask when it is cool, and leaves the result itself as it is", async () => {
    // Says 0.7 or 0.3 by the truth, whatever it is given: cool chains then agree with the truth everywhere.
    const truth = random(9, true);
    const latents: number[][] = [];
    const options = {
      predict: (): Tensor4D => add(mul(truth, 0.4), 0.3) as Tensor4D,
      generator: new Generator(3),
      temperature: 0.01,
      onStep: ({ yt }: { yt: Tensor4D }) => latents.push([...yt.dataSync()]),
    };
    // With ᾱ near 1 in the last steps, the latent mask is the sharpened estimate itself, up to 1.4 % replacements.
    const result = await probabilities(sampler, createBernoulliProcess({ target: "y0" }), options);
    const differing = latents.at(-1)!.filter((value, index) => value !== truth.dataSync()[index]).length;
    expect(differing).toBeLessThan(6);
    expect(result).toBeAllClose([...truth.dataSync()].map((value) => (value === 1 ? 0.7 : 0.3)), { absolute: 1e-6 });
    dispose(truth);
  });

  it("refuses a temperature that is not positive", () => {
    const prior = random(1, false);
    const options = { prior, predict: undecided, generator: new Generator(1), temperature: 0 };
    expect(() => sampler(process, options)).toThrow(/temperature must be positive, got 0/);
    dispose(prior);
  });

  it("gives the same map for the same seed, and others for others", async () => {
    const draw = (seed: number): Promise<number[]> => probabilities(sampler, process, { predict: undecided, generator: new Generator(seed) });
    expect(await draw(4)).toEqual(await draw(4));
    expect(await draw(4)).not.toEqual(await draw(5));
    (await draw(4)).forEach((value) => expect(value >= 0 && value <= 1).toBe(true));
  });

  it("shows every step, and tells the network the original step index of each item", async () => {
    const told: number[][] = [];
    const shown: { t: number; mask: number[]; mean: number[]; y0Hat: number[] }[] = [];
    const result = await probabilities(sampler, respace(process, spaceSteps(10, "5")), {
      predict: (yt, t) => {
        told.push([...t]);
        return undecided(yt);
      },
      generator: new Generator(0),
      onStep: ({ t, yt, y0Hat, mean }) =>
        shown.push({ t, mask: [...yt.dataSync()], mean: [...mean.dataSync()], y0Hat: [...y0Hat.dataSync()] }),
    });
    expect(told).toEqual([9, 7, 4, 2, 0].map((t) => [t, t]));
    expect(shown.map(({ t }) => t)).toEqual([9, 7, 4, 2, 0]);
    for (const { mask, mean, y0Hat } of shown) {
      expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
      expect([...mean, ...y0Hat].every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    expect(result).toEqual(shown.at(-1)!.mean);
    expect(result).toEqual(shown.at(-1)!.y0Hat);
  });

  it("passes through the forward marginals, given the true y0", async () => {
    const side = 100;
    const count = side * side;
    for (const [truth, priorValue] of [[1, 0.3], [0, 0.8]] as const) {
      await noLeak(() => {
        const prior = tidy(() => mul(ones([1, side, side, 1]), priorValue)) as Tensor4D;
        const result = sampler(process, {
          prior,
          predict: (yt) => abs(sub(yt, truth)) as Tensor4D,
          generator: new Generator(31),
          onStep: ({ t, yt }) => {
            const expected = forwardChain(truth, priorValue, process.betas, t);
            const found = Array.from(yt.dataSync()).reduce((total, value) => total + value, 0) / count;
            // The chain starts from the prior instead of q(y_T | y0): they differ by at most ᾱ_T.
            const bound = fiveSigma(expected * (1 - expected), count) + process.alphaBars[9]!;
            expect(Math.abs(found - expected)).toBeLessThan(bound);
          },
        });
        dispose([prior, result]);
      });
    }
  });

  it.each([
    ["one pixel", 1],
    ["no items", 0],
  ])("samples a batch of %s", async (_case, batch) => {
    await noLeak(() => {
      const prior = tensor4d(new Float32Array(batch).fill(0.5), [batch, 1, 1, 1]);
      const result = sampler(process, { prior, predict: undecided, generator: new Generator(1) });
      expect(result.shape).toEqual(prior.shape);
      dispose([prior, result]);
    });
  });

  it("holds the same few tensors at every step", async () => {
    const held: number[] = [];
    await probabilities(sampler, process, { predict: undecided, generator: new Generator(0), onStep: () => held.push(memory().numTensors) });
    // The last step makes no mean of its own.
    expect(new Set(held.slice(0, -1)).size).toBe(1);
  });

  it("leaves nothing behind when a callback throws", async () => {
    await noLeak(() => {
      const prior = random(1, false);
      const options = { prior, generator: new Generator(0) };
      const fail = (): never => {
        throw new Error("stop");
      };
      expect(() => sampler(process, { ...options, predict: fail })).toThrow("stop");
      expect(() => sampler(process, { ...options, predict: undecided, onStep: fail })).toThrow("stop");
      dispose(prior);
    });
  });

  it("leaves a kept prediction alone", () => {
    const before = memory().numTensors;
    const kept = keep(random(2, false));
    const prior = random(1, false);
    dispose([sampler(process, { prior, predict: () => kept, generator: new Generator(0) }), prior]);
    expect(memory().numTensors).toBe(before + 1);
    expect(kept.dataSync()).toHaveLength(60);
    dispose(kept);
  });

  it("refuses a prediction of another shape", () => {
    tidy(() => {
      const options = { prior: random(1, false), predict: () => ones([2, 5, 3, 1]) as Tensor4D, generator: new Generator(0) };
      expect(() => sampler(process, options)).toThrow(/prior \[2, 5, 3, 2\] and prediction \[2, 5, 3, 1\]/);
    });
  });
});

it("refuses eta outside [0, 1]", () => {
  tidy(() => {
    const options = { prior: random(1, false), predict: (yt: Tensor4D) => yt, generator: new Generator(0) };
    for (const eta of [-0.1, 1.1, Number.NaN]) expect(() => sampleDdim(process, { ...options, eta })).toThrow(/\[0, 1\]/);
  });
});

describe("the Gaussian kernel behind the same samplers", () => {
  const gaussian = createGaussianProcess();
  it.each([
    ["ancestral", sampleAncestral],
    ["DDIM", sampleDdim],
  ] as const)("%s returns y0 from a perfect predictor, the same for the same seed", async (_name, sampler) => {
    const draw = (): Promise<number[]> =>
      noLeak(() => {
        const [prior, truth] = [random(1, false), random(7, true)];
        const predict = (yt: Tensor4D, t: readonly number[]): Tensor4D => gaussian.noise(yt, truth, t);
        const result = sampler(gaussian, { prior, predict, generator: new Generator(5), steps: 5 });
        const values = [...result.dataSync()];
        // √ᾱ_0 is nearly 1, so the last step adds only float32 rounding.
        expect(values).toBeAllClose(truth.dataSync(), { absolute: 1e-6 });
        dispose([prior, truth, result]);
        return values;
      });
    expect(await draw()).toEqual(await draw());
  });
});
