import { describe, expect, it } from "vitest";
import golden from "./fixtures/diffusion.json" with { type: "json" };
import { createSchedule, cumulativeAlphas, type ScheduleName, scheduleNames } from "./schedules.ts";

const publishedNames: Readonly<Record<string, ScheduleName>> = {
  cosine: "cosine",
  cosine2: "cosine-squared",
  linear: "linear",
  alpha_bar_linear: "linear-alpha-bar",
};

describe("schedules are the published ones", () => {
  const cases = Object.entries(golden.values).filter(([key]) => key.startsWith("betas/"));
  it.each(cases)("%s", (key, expected) => {
    const [, name, steps] = key.split("/");
    const betas = createSchedule(publishedNames[name!]!, Number(steps));
    expect(betas).toHaveLength(Number(steps));
    // Both sides are float64, so only the order of a few roundings may differ.
    expect([...betas.slice(0, 10), ...betas.slice(-5)]).toBeAllClose(expected, { absolute: 1e-12 });
  });

  it("has goldens for every name", () => {
    expect(new Set(cases.map(([key]) => publishedNames[key.split("/")[1]!]))).toEqual(new Set(scheduleNames));
  });

  it("cumulative alphas", () => {
    expect(cumulativeAlphas(createSchedule("cosine", 10))).toBeAllClose(golden.values["alphas_cumprod/cosine/10"], { absolute: 1e-12 });
  });
});

it("follows the function that defines each ᾱ", () => {
  const cosine = (u: number): number => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) / Math.cos(((0.008 / 1.008) * Math.PI) / 2);
  const expected: Partial<Record<ScheduleName, (u: number) => number>> = {
    cosine,
    "cosine-squared": (u) => cosine(u) ** 2,
    "linear-alpha-bar": (u) => 1 - u,
  };
  for (const [name, alphaBar] of Object.entries(expected)) {
    const alphaBars = cumulativeAlphas(createSchedule(name as ScheduleName, 12));
    // All but the last, where a beta is cut at 0.999.
    alphaBars.slice(0, -1).forEach((value, t) => expect(value).toBeCloseTo(alphaBar((t + 1) / 12), 12));
  }
});

it.each(scheduleNames)("%s gives betas in (0, 1] that never fall", (name) => {
  for (const steps of name === "linear" ? [20, 21, 100] : [1, 2, 10, 100]) {
    const betas = createSchedule(name, steps);
    betas.forEach((beta, t) => {
      expect(beta).toBeGreaterThan(0);
      expect(beta).toBeLessThanOrEqual(1);
      expect(beta).toBeGreaterThanOrEqual(t === 0 ? 0 : betas[t - 1]!);
    });
  }
});

it("explains what is not possible", () => {
  expect(() => createSchedule("cosin" as ScheduleName, 10)).toThrow(/Did you mean "cosine"\?/);
  expect(() => createSchedule("toString" as ScheduleName, 10)).toThrow(/is not a schedule/);
  expect(() => createSchedule("linear", 19)).toThrow(/at least 20 steps/);
  expect(() => createSchedule("cosine", 0)).toThrow(/positive integer/);
  expect(() => createSchedule("cosine", 2.5)).toThrow(/positive integer/);
});
