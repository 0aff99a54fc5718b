import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { formatRate, Progress } from "./progress.ts";
import { terminalSettings, usesColours } from "./settings.ts";

let text = "";
beforeEach(() => {
  vi.useFakeTimers();
  text = "";
  vi.spyOn(process.stderr, "write").mockImplementation((part) => {
    text += String(part);
    return true;
  });
});
afterEach(() => {
  terminalSettings.quiet = false;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A job of ten images that take `milliseconds` each. */
function work(milliseconds: number): void {
  const progress = new Progress({ total: 10, unit: "images" });
  for (let done = 1; done <= 10; done++) {
    vi.advanceTimersByTime(milliseconds);
    progress.update(done, "Reading");
  }
  progress.stop();
}

it("shows nothing of what takes less than a second", () => {
  work(90);
  vi.advanceTimersByTime(5000);
  expect(text).toBe("");
});

it("tells every tenth of what takes longer, with rate and time left", () => {
  work(500);
  const lines = text.trim().split("\n");
  expect(lines[0]).toBe("Reading: 1/10 · 2.0 images/s · 5 s left");
  expect(lines.slice(-2)).toEqual(["Reading: 9/10 · 2.0 images/s · 1 s left", "Reading: 10/10 · 2.0 images/s"]);
});

it("appears by itself while nothing is reported", () => {
  const progress = new Progress({ total: 4 });
  progress.update(0, "Measuring");
  expect(text).toBe("");
  vi.advanceTimersByTime(1100);
  expect(text).toBe("Measuring: 0 %\n");
  progress.stop();
});

it("is silent with --quiet, notes included", () => {
  terminalSettings.quiet = true;
  work(500);
  new Progress({ total: 1 }).note("something");
  expect(text).toBe("");
});

it.each([
  [2.5, "images", "2.5 images/s"],
  [0.2273, "images", "4.4 s/image"],
  [0.5, "it", "2.0 s/it"],
])("formatRate(%d, %s) is %s", (rate, unit, expected) => {
  expect(formatRate(rate, unit)).toBe(expected);
});

it.each([
  [{ isTTY: true }, {}, true],
  [{}, {}, false],
  [{ isTTY: true }, { NO_COLOR: "1" }, false],
  [{ isTTY: true }, { TERM: "dumb" }, false],
  [{}, { FORCE_COLOR: "1" }, true],
  [{ isTTY: true }, { FORCE_COLOR: "0" }, false],
  [{}, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
])("usesColours(%j, %j) is %s", (stream, environment, expected) => {
  expect(usesColours(stream, environment)).toBe(expected);
});
