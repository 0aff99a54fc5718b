import { Generator, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { tinyArchitecture } from "../testing/tiny.ts";
import { HybridModel, mapTensor, underPrefix, withPrefix } from "./hybrid-model.ts";
import type { RefinerInputs } from "../refiner/refiner.ts";

beforeAll(useTestBackend);

/** Both networks' numbers. */
function numbersOf(model: HybridModel): number[][] {
  return [...model.segmentor.stateDict().values(), ...model.refiner.stateDict().values()].map(({ data }) => Array.from(data));
}

it("has the same parameters for the same seed, others for another, and frees them", () =>
  noLeak(() => {
    const models = [1, 1, 2].map((seed) => new HybridModel(tinyArchitecture(), new Generator(seed)));
    const [first, same, other] = models.map(numbersOf);
    expect(same).toEqual(first);
    expect(other).not.toEqual(first);
    for (const model of models) model.dispose();
  }));

it("refuses an unknown segmentor, with a suggestion", () => {
  const architecture = tinyArchitecture();
  expect(() => new HybridModel({ ...architecture, segmentor: { name: "u-net", options: {} } })).toThrow(/Did you mean "unet"\?/);
});

describe('with the target "y0-log-odds"', () => {
  it("starts from Bayes' rule on latent mask and prior: the untrained refiner adds nothing", () => {
    const model = new HybridModel(tinyArchitecture({ diffusion: { target: "y0-log-odds", steps: 4 } }));
    const generator = new Generator(3);
    const prior = generator.uniformArray(2 * 32 * 32, 0.01, 0.99);
    const yt = generator.bernoulliArray(prior);
    const t = [1, 3];
    const expected = prior.map((p, index) => {
      const kept = model.process.alphaBars[t[Math.floor(index / (32 * 32))]!]!;
      const likelihood = (y0: number): number => {
        const mean = kept * y0 + (1 - kept) * p;
        return yt[index] === 1 ? mean : 1 - mean;
      };
      return (p * likelihood(1)) / (p * likelihood(1) + (1 - p) * likelihood(0));
    });
    tidy(() => {
      const map = (data: Float32Array): RefinerInputs["image"] => mapTensor(data, [2, 32, 32, 1]);
      const { features } = model.segmentor.forward(map(prior), { training: false });
      const given = { image: map(prior), yt: map(yt), prior: map(prior), features: [...features] as unknown as RefinerInputs["features"], t };
      expect(model.predict(given, { training: false }).dataSync()).toBeAllClose(expected, { absolute: 1e-5 });
    });
    model.dispose();
  });
});

it("withPrefix and underPrefix undo each other", () => {
  const state = new Map([["a.weight", { shape: [1], data: Float32Array.of(1) }], ["b", { shape: [2], data: Float32Array.of(2, 3) }]]);
  const together = new Map([...withPrefix("left.", state), ...withPrefix("right.", new Map())]);
  expect([...together.keys()]).toEqual(["left.a.weight", "left.b"]);
  expect(underPrefix("left.", together)).toEqual(state);
  expect(underPrefix("right.", together).size).toBe(0);
});
