import { describe, expect, it } from "vitest";
import { assign, parseAssignment } from "./assignments.ts";

describe("parseAssignment", () => {
  it.each([
    ["training.batchSize=4", ["training", "batchSize"], 4],
    ["a=2e-3", ["a"], 0.002],
    ["a=true", ["a"], true],
    ["a=[0.8, 1.2]", ["a"], [0.8, 1.2]],
    ["a={train: 3}", ["a"], { train: 3 }],
    ["a=two words", ["a"], "two words"],
    ["a=b=c", ["a"], "b=c"],
    ['a="4"', ["a"], "4"],
    ["a=", ["a"], null],
  ])("reads %s", (text, path, value) => {
    expect(parseAssignment(text)).toEqual({ path, value });
  });

  it.each(["training.batchSize", "=4", "a..b=4", ".a=4", ""])("refuses %j", (text) => {
    expect(() => parseAssignment(text)).toThrow(/--set takes key=value/);
  });

  it("refuses values that cannot be read", () => {
    expect(() => parseAssignment("a=[1, 2")).toThrow(/"\[1, 2" cannot be read/);
  });
});

describe("assign", () => {
  const change = (value: unknown, ...texts: string[]): unknown => assign(value, texts.map(parseAssignment));

  it("changes, adds and keeps", () => {
    const before = { a: { b: 1, c: 2 }, d: 3 };
    expect(change(before, "a.b=5", "e.f=6")).toEqual({ a: { b: 5, c: 2 }, d: 3, e: { f: 6 } });
    expect(before).toEqual({ a: { b: 1, c: 2 }, d: 3 });
  });

  it("lets the last one win", () => {
    expect(change({}, "a=1", "a=2")).toEqual({ a: 2 });
  });

  it("refuses to go through something without fields", () => {
    expect(() => change({ a: 3 }, "a.b=1")).toThrow("--set a.b: a is 3, which has no fields.");
    expect(() => change({ a: [1] }, "a.b=1")).toThrow("a is [1]");
  });

  it("does not reach the prototype", () => {
    change({}, "__proto__.polluted=1");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
