import { describe, expect, it } from "vitest";
import { tinyInference } from "../testing/tiny.ts";
import { isSameModel, scoresOfEvaluation } from "./scores.ts";

const checksums = { "segmentor.safetensors": "a", "refiner.safetensors": "b", "refiner.packed.safetensors": "c" };
const model = { name: "discs", checksums, inference: tinyInference() };
const summary = (prior: number, refined: number, standardDeviation: number | null = 0.1): object => ({ prior: { mean: prior, standardDeviation, median: 0 }, refined: { mean: refined, standardDeviation }, comparison: {} });

function evaluation(changes: object = {}): object {
  return {
    dataset: "drawn",
    split: "test",
    protocol: "case",
    region: "all",
    images: 5,
    skipped: [{ id: "x", reason: "y" }],
    model: { path: "p", name: "discs", checksums },
    seeds: [1],
    inference: { ...model.inference, batchSize: 99 },
    metrics: { dice: summary(0.8, 0.9), hausdorffDistance95: summary(3, 2, null), recall: { prior: { mean: null }, refined: { mean: 1 } } },
    perClass: [{ label: 1, name: "disc", metrics: { dice: summary(0.8, 0.9) } }],
    cases: [],
    ...changes,
  };
}

describe("scoresOfEvaluation", () => {
  it("takes means and deviations, of the images that were read", () => {
    const about = { dataset: "drawn", split: "test", images: 4, protocol: "case", region: "all" };
    expect(scoresOfEvaluation(evaluation(), "metrics.json", model)).toEqual([
      { ...about, metric: "dice", segmentor: { mean: 0.8, standardDeviation: 0.1 }, refined: { mean: 0.9, standardDeviation: 0.1 } },
      { ...about, metric: "hausdorffDistance95", segmentor: { mean: 3 }, refined: { mean: 2 } },
    ]);
  });

  it("takes every class of several", () => {
    const perClass = ["left", "right"].map((name, index) => ({ label: index + 1, name, metrics: { dice: summary(0.5, 0.6 + index) } }));
    const scores = scoresOfEvaluation(evaluation({ perClass }), "metrics.json", model);
    expect(scores.filter((score) => score.class !== undefined).map((score) => [score.class, score.metric, score.refined.mean])).toEqual([
      ["left", "dice", 0.6],
      ["right", "dice", 1.6],
    ]);
  });

  it("refuses the scores of another model, of other options, and other documents", () => {
    const refuse = (document: unknown, code: string, message: RegExp): void =>
      expect(() => scoresOfEvaluation(document, "metrics.json", model)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    refuse(evaluation({ model: { checksums: { ...checksums, "refiner.safetensors": "z" } } }), "bundle.evaluation", /another model than discs/);
    refuse(evaluation({ inference: { ...model.inference, samples: 16 } }), "bundle.evaluation", /samples 16 instead of 1/);
    refuse({ dice: 1 }, "config.invalid", /metrics\.json/);
  });
});

it("isSameModel compares the weights that both have, and wants both networks", () => {
  const { "refiner.safetensors": _refiner, ...forInference } = checksums;
  expect(isSameModel(checksums, forInference)).toBe(true);
  expect(isSameModel(forInference, { ...checksums, "segmentor.safetensors": "z" })).toBe(false);
  expect(isSameModel({ "segmentor.safetensors": "a", "refiner.safetensors": "b" }, forInference)).toBe(false);
  expect(isSameModel({}, checksums)).toBe(false);
});
