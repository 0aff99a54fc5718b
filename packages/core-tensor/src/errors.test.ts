import { expect, it } from "vitest";
import { assert, HidiffError, isHidiffError } from "./errors.ts";

it("carries a code and a cause", () => {
  const cause = new Error("below");
  const error = new HidiffError("some.code", "text", { cause });
  expect(error).toMatchObject({ name: "HidiffError", code: "some.code", message: "text", cause });
  expect(error).toBeInstanceOf(Error);
});

it("is recognised by its brand, also from another copy of the package", () => {
  const foreign = Object.defineProperty(new Error("x"), Symbol.for("hidiff.error"), { value: true });
  expect(isHidiffError(new HidiffError("a", "b"))).toBe(true);
  expect(isHidiffError(foreign)).toBe(true);
  for (const other of [new Error("x"), null, undefined, "text", { code: "a" }]) expect(isHidiffError(other)).toBe(false);
});

it("assert throws unless the condition holds, and builds its message only then", () => {
  assert(true, "a", () => expect.unreachable("not needed"));
  expect(() => assert(0, "a.b", () => "why")).toThrow(expect.objectContaining({ code: "a.b", message: "why" }));
  expect(() => assert(undefined, "a.b", "why")).toThrow("why");
});
