import { describe, expect, it } from "vitest";
import { MetricsError } from "./errors.ts";

describe("MetricsError", () => {
  it("has a code, a name and the brand by which the other packages recognise it", () => {
    const error = new MetricsError("metrics.shape", "a message");
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: "metrics.shape", name: "MetricsError", message: "a message" });
    expect(Symbol.for("hidiff.error") in error).toBe(true);
    expect(Object.keys(error).sort()).toEqual(["code", "name"]);
  });
});
