import { describe, expect, it } from "vitest";
import { CalibrationCounter, expectedCalibrationError } from "./calibration.ts";
import { seededRandom } from "./testing/masks.ts";

describe("CalibrationCounter", () => {
  it("equals sorting into bins by comparison", () => {
    const random = seededRandom(3);
    const pairs = Array.from({ length: 2000 }, () => ({ value: random(), happened: random() < 0.4 }));
    const counter = new CalibrationCounter({ bins: 7, range: [0, 0.8] });
    for (const { value, happened } of pairs) counter.add(value, happened);
    const { bins } = counter;
    expect(bins).toHaveLength(7);
    let total = 0;
    let gaps = 0;
    for (const [index, { low, high, count, meanValue, rate }] of bins.entries()) {
      const own = pairs.filter(({ value }) => value >= (0.8 * index) / 7 && (index === 6 || value < (0.8 * (index + 1)) / 7));
      expect([low, high]).toEqual([expect.closeTo((0.8 * index) / 7, 12), expect.closeTo((0.8 * (index + 1)) / 7, 12)]);
      expect(count).toBe(own.length);
      expect(meanValue).toBeCloseTo(own.reduce((sum, { value }) => sum + value, 0) / own.length, 12);
      expect(rate).toBeCloseTo(own.filter(({ happened }) => happened).length / own.length, 12);
      total += own.length;
      // n/N · |mean value − rate| is |Σ value − Σ event| / N
      gaps += Math.abs(own.reduce((sum, { value, happened }) => sum + value - (happened ? 1 : 0), 0));
    }
    expect(total).toBe(2000);
    expect(expectedCalibrationError(bins)).toBeCloseTo(gaps / 2000, 12);
  });

  it("counts both ends of the range, and what rounding put beyond them", () => {
    const counter = new CalibrationCounter({ bins: 2 });
    for (const value of [-1e-9, 0, 0.5, 1, 1 + 1e-7]) counter.add(value, true);
    expect(counter.bins.map(({ count }) => count)).toEqual([2, 3]);
  });

  it("says nothing of empty bins", () => {
    const { bins } = new CalibrationCounter({ bins: 1 });
    expect(bins).toEqual([{ low: 0, high: 1, count: 0, meanValue: undefined, rate: undefined }]);
    expect(expectedCalibrationError(bins)).toBeUndefined();
  });

  it("refuses what it cannot count", () => {
    expect(() => new CalibrationCounter({ bins: 0 })).toThrow(expect.objectContaining({ code: "metrics.bins" }));
    expect(() => new CalibrationCounter({ range: [1, 1] })).toThrow(expect.objectContaining({ code: "metrics.bins" }));
    expect(() => new CalibrationCounter().add(Number.NaN, true)).toThrow(expect.objectContaining({ code: "metrics.values" }));
  });
});

describe("expectedCalibrationError", () => {
  it("is 0 for probabilities that hold, and the gap for one that does not", () => {
    const honest = new CalibrationCounter();
    const boastful = new CalibrationCounter();
    for (let index = 0; index < 100; index++) {
      honest.add(0.25, index % 4 === 0);
      boastful.add(0.95, index % 2 === 0);
    }
    expect(expectedCalibrationError(honest.bins)).toBeCloseTo(0, 12);
    expect(expectedCalibrationError(boastful.bins)).toBeCloseTo(0.45, 12);
  });
});
