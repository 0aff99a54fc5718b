import { describe, expect, it } from "vitest";
import { configurationProblems, formatPath, parseConfiguration } from "./problems.ts";

const dataset = { name: "drive" };
const messages = (value: unknown): string[] => configurationProblems(value).map(({ message }) => message);

describe("configurationProblems", () => {
  it("tells all problems at once, those between fields too", () => {
    const value = {
      dataset: { name: "drive", observer: 3 },
      architecture: { segmentor: { name: "residual-unet", options: { stages: 8, stagse: 1 } }, diffusion: { steps: 5 } },
      training: { batchSize: 2, microBatchSize: 4, cropSize: 96, seed: "1" },
      inference: { steps: 6, window: 96 },
    };
    expect(configurationProblems(value).map(({ path }) => formatPath(path)).sort()).toEqual([
      "architecture.segmentor.options.stagse",
      "dataset.observer",
      "inference.steps",
      "inference.window",
      "training.cropSize",
      "training.microBatchSize",
      "training.seed",
    ]);
  });

  it("compares with defaults where a field is not set", () => {
    expect(messages({ dataset, inference: { steps: 11 } })).toEqual(["inference.steps is 11, but the process has 10 (architecture.diffusion.steps); it must be 1 to 10."]);
    expect(messages({ dataset, training: { microBatchSize: 33 } })).toEqual([
      "training.microBatchSize is 33, more than training.batchSize, which is 32; it must be at most that.",
    ]);
    expect(messages({ dataset, inference: { steps: 10 }, training: { microBatchSize: 32 } })).toEqual([]);
  });

  it("names sizes that fit the segmentor", () => {
    const architecture = { segmentor: { name: "residual-unet", options: { stages: 8 } } };
    expect(messages({ dataset, architecture, training: { cropSize: 96 } })).toEqual([
      "training.cropSize must be a multiple of 128 for this segmentor (residual-unet with many stages), but is 96; take 128, or fewer stages.",
    ]);
    expect(messages({ dataset, architecture, training: { cropSize: 256 } })).toEqual([]);
  });

  it("says where a misplaced field belongs", () => {
    expect(messages({ dataset, seed: 3 })).toEqual(["seed is not an option. There is training.seed."]);
    expect(messages({ dataset, training: { window: 64 } })).toEqual(["training.window is not an option. There is inference.window."]);
  });

  it("knows the names of neither data sets nor segmentors of one's own", () => {
    expect(messages({ dataset: { name: "mine", anything: 1 }, architecture: { segmentor: { name: "mine", options: { anything: 1 } } } })).toEqual([]);
  });
});

describe("parseConfiguration", () => {
  it("fills in the defaults", () => {
    expect(parseConfiguration({ dataset }, "mine").training.cropSize).toBe(256);
  });

  it("throws a line for every problem", () => {
    const parse = (): unknown => parseConfiguration({ dataset, training: { batchSise: 1, cropSize: 33 } }, "mine");
    expect(parse).toThrow(expect.objectContaining({ code: "config.invalid" }));
    expect(parse).toThrow(/^mine is not valid:\n {2}training\.batchSise .*\n {2}training\.cropSize .*$|^mine is not valid:\n {2}training\.cropSize .*\n {2}training\.batchSise .*$/);
  });
});
