import { HidiffError } from "@hidiff/core-tensor/errors";
import { MetricsError } from "@hidiff/metrics";
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { describeError, exitCodeOf, stopped, usageError } from "./errors.ts";

describe("exitCodeOf", () => {
  it.each([
    ["wrong usage", usageError("x"), 2],
    ["wrong configuration", new HidiffError("config.invalid", "x"), 2],
    ["an unknown data set", new HidiffError("datasets.unknown", "x"), 2],
    ["a wrong option of a data set", new HidiffError("datasets.option", "x"), 2],
    ["an unknown command", new CommanderError(1, "commander.unknownCommand", "x"), 2],
    ["help", new CommanderError(0, "commander.helpDisplayed", "x"), 0],
    ["a missing file", new HidiffError("file.read", "x"), 1],
    ["a diverged training", new HidiffError("training.diverged", "x"), 1],
    ["metrics without cases", new MetricsError("metrics.cases", "x"), 1],
    ["Ctrl-C", new HidiffError(stopped, "x"), 130],
    ["a bug", new TypeError("x"), 1],
    ["anything else", "x", 1],
  ])("of %s", (_name, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe("describeError", () => {
  it("is one line for expected errors", () => {
    expect(describeError(new HidiffError("some.code", "first\n  second"), {})).toBe("error: first second");
    expect(describeError(new HidiffError(stopped, "saved"), {})).toBe("stopped: saved");
  });

  it("is one line for unexpected errors and tells how to report them", () => {
    expect(describeError(new TypeError("x is undefined"), {})).toBe(
      "unexpected error: x is undefined (This is a bug in hidiff; please report it, with what DEBUG=hidiff makes this command print.)",
    );
  });

  it("has the stack and the causes with DEBUG=hidiff", () => {
    const error = new HidiffError("some.code", "outer", { cause: new Error("inner") });
    const text = describeError(error, { DEBUG: "hidiff" });
    expect(text).toContain("errors.test.ts");
    expect(text).toContain("caused by: Error: inner");
  });
});
