import { describe, expect, it } from "vitest";
import { formatDuration } from "./duration.ts";
import { Pace } from "./pace.ts";
import { formatTable } from "./table.ts";

it.each([
  [0, "0 s"],
  [59.4, "59 s"],
  [59.6, "1 min 00 s"],
  [185, "3 min 05 s"],
  [7 * 60 + 3600, "1 h 07 min"],
])("formatDuration(%d) is %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

describe("Pace", () => {
  it("knows nothing before anything was done", () => {
    const pace = new Pace(0, 100);
    expect(pace.rate).toBeUndefined();
    expect(pace.left(10)).toBeUndefined();
  });

  it("is exact at a steady pace", () => {
    const pace = new Pace(3, 100);
    for (let second = 1; second <= 5; second++) pace.observe(3 + 2 * second, 100 + second);
    expect(pace.rate).toBeCloseTo(2, 12);
    expect(pace.left(23)).toBeCloseTo(5, 12);
  });

  it("follows a change", () => {
    const pace = new Pace(0, 0, 10);
    for (let second = 1; second <= 50; second++) pace.observe(second, second);
    for (let second = 51; second <= 100; second++) pace.observe(50 + (second - 50) * 4, second);
    // after five memories, 1/e⁵ < 1 % of the old pace is left
    expect(pace.rate).toBeGreaterThan(3.95);
    expect(pace.rate).toBeLessThan(4);
  });
});

it("formatTable aligns the first column left and the others right, whatever the colours", () => {
  const table = formatTable(["", "Dice"], [["\u001B[1ma\u001B[22m", "0.5"], ["long name", "0.1234"]]);
  expect(table.split("\n")).toEqual(["             Dice", "─".repeat(17), "\u001B[1ma\u001B[22m             0.5", "long name  0.1234"]);
});
