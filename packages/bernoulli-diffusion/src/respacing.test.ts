import { describe, expect, it } from "vitest";
import { createBernoulliProcess } from "./bernoulli-process.ts";
import golden from "./fixtures/diffusion.json" with { type: "json" };
import { createGaussianProcess } from "./gaussian-process.ts";
import { respace, spaceSteps } from "./respacing.ts";

describe("chooses the published steps", () => {
  it.each(Object.entries(golden.values).filter(([key]) => key.startsWith("respace/")))("%s", (key, expected) => {
    const [, total, spacing] = key.split("/");
    expect(spaceSteps(Number(total), spacing!.startsWith("[") ? (JSON.parse(spacing!) as number[]) : spacing!)).toEqual(expected);
  });

  it.each(Object.entries(golden.values).filter(([key]) => key.startsWith("respace_betas/")))("%s", (key, expected) => {
    const [, total, counts] = key.split("/");
    const process = createBernoulliProcess({ steps: Number(total) });
    const kept = spaceSteps(Number(total), JSON.parse(counts!) as number[]);
    expect(respace(process, kept).betas).toBeAllClose(expected, { absolute: 1e-12 });
  });
});

it.each([
  ["counts as a text", 10, "5", [0, 2, 4, 7, 9]],
  ["two sections", 10, [3, 2], [0, 2, 4, 5, 9]],
  ["two sections as a text", 10, "3,2", [0, 2, 4, 5, 9]],
  ["longer first sections", 7, [2, 2, 1], [0, 2, 3, 4, 6]],
  ["one step is the last", 10, [1], [9]],
  ["all steps", 4, [4], [0, 1, 2, 3]],
  ["a chain of one step", 1, [1], [0]],
  ["uniform", 10, "ddimuni4", [0, 3, 6, 9]],
  ["quadratic, coinciding steps once", 10, "ddimqua5", [0, 2, 4, 8]],
] as const)("spaceSteps: %s", (_name, total, spacing, expected) => {
  expect(spaceSteps(total, spacing)).toEqual(expected);
});

it("spaceSteps explains what is not possible", () => {
  expect(() => spaceSteps(10, [11])).toThrow(/cannot give 11/);
  expect(() => spaceSteps(10, [5, 0])).toThrow(/section 2 of 2/);
  expect(() => spaceSteps(10, "ddimuni6")).toThrow(/no integer stride/);
  expect(() => spaceSteps(10, "ddimqua0")).toThrow(/1 … 10/);
  expect(() => spaceSteps(10, "fast")).toThrow(/no spacing/);
});

describe.each([createBernoulliProcess({ target: "y0" }), createGaussianProcess()])("respace ($kind)", (process) => {
  it("keeps ᾱ, the kind and the target, and remembers the original steps", () => {
    const respaced = respace(process, [1, 4, 9]);
    expect(respaced).toMatchObject({ kind: process.kind, target: process.target, steps: 3, originalSteps: [1, 4, 9] });
    expect(respaced.alphaBars).toBeAllClose([1, 4, 9].map((t) => process.alphaBars[t]!), { absolute: 1e-15 });
  });

  it("respaces a respaced process", () => {
    expect(respace(respace(process, [1, 4, 6, 9]), [0, 2]).originalSteps).toEqual([1, 6]);
  });

  it("refuses steps that do not ascend within the chain", () => {
    for (const kept of [[], [3, 3], [4, 2], [0, 10], [-1], [0.5]]) expect(() => respace(process, kept)).toThrow(/ascend within 0 … 9/);
  });
});
