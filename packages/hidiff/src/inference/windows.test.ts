import { describe, expect, it } from "vitest";
import { coverWithWindows, cutWindow, cutWindows, type Window, WindowBlender } from "./windows.ts";

it("an image that is one window is padded to the next multiple", () => {
  const sides = [1, 31, 32, 33, 64, 584].map((side) => coverWithWindows(side, 32, 0, 0, 32)[0]!.height);
  expect(sides).toEqual([32, 32, 32, 64, 64, 608]);
});

describe("coverWithWindows", () => {
  const cases = [
    { height: 100, width: 70, side: 32, overlap: 0.5 },
    { height: 100, width: 70, side: 32, overlap: 0 },
    { height: 584, width: 565, side: 128, overlap: 0.25 },
    { height: 33, width: 200, side: 64, overlap: 0.9 },
    { height: 64, width: 64, side: 64, overlap: 0.5 },
    { height: 65, width: 1, side: 64, overlap: 0.5 },
    { height: 1, width: 1, side: 32, overlap: 0 },
    { height: 50, width: 20, side: 0, overlap: 0.5 },
  ];

  it.each(cases)("$height×$width by $side with overlap $overlap: every pixel, sides by 32, enough overlap", ({ height, width, side, overlap }) => {
    const windows = coverWithWindows(height, width, side, overlap, 32);
    const covered = new Uint8Array(height * width);
    for (const window of windows) {
      expect([window.height % 32, window.width % 32]).toEqual([0, 0]);
      for (let row = window.top; row < Math.min(height, window.top + window.height); row++) {
        covered.fill(1, row * width + window.left, row * width + Math.min(width, window.left + window.width));
      }
    }
    expect(covered.includes(0)).toBe(false);
    for (const [key, extent] of [["top", "height"], ["left", "width"]] as const) {
      const starts = [...new Set(windows.map((window) => window[key]))].toSorted((a, b) => a - b);
      for (const [index, start] of starts.entries()) {
        // Windows reach beyond the image only where it is smaller than one.
        if (start > 0) expect(start + windows[0]![extent]).toBeLessThanOrEqual(extent === "height" ? height : width);
        // Starts are rounded to whole pixels.
        if (index > 0) expect(start - starts[index - 1]!).toBeLessThanOrEqual(Math.max(1, windows[0]![extent] * (1 - overlap)) + 1);
      }
    }
  });

  it("is one padded window without a side", () => {
    expect(coverWithWindows(50, 20, 0, 0.5, 32)).toEqual([{ top: 0, left: 0, height: 64, width: 32 }]);
    expect(coverWithWindows(50, 20, 0, 0.5, 128)).toEqual([{ top: 0, left: 0, height: 128, width: 128 }]);
    expect(coverWithWindows(50, 20, 32, 0.5, 64)).toEqual([{ top: 0, left: 0, height: 64, width: 64 }]);
  });
});

it("cutWindow takes all channels, and each one's own value outside", () => {
  const data = Float32Array.from({ length: 3 * 2 * 2 }, (_, index) => index);
  const cut = cutWindow(data, [3, 2, 2], { top: 1, left: 1, height: 3, width: 2 }, [-1, 0.5]);
  expect([...cut]).toEqual([6, 7, -1, 0.5, 10, 11, -1, 0.5, -1, 0.5, -1, 0.5]);
});

describe("WindowBlender", () => {
  it("gives constant maps back, up to rounding to float32", () => {
    const [height, width] = [70, 45];
    const blender = new WindowBlender([height, width, 2]);
    for (const window of coverWithWindows(height, width, 32, 0.5, 32)) {
      blender.add(Float32Array.from({ length: window.height * window.width * 2 }, (_, index) => (index % 2 === 0 ? 0.25 : 0.7)), window);
    }
    const expected = Float32Array.from({ length: height * width * 2 }, (_, index) => (index % 2 === 0 ? 0.25 : 0.7));
    expect(blender.blend()).toBeAllClose(expected, { absolute: 1e-7 });
  });

  it("takes the nearer window's value more, and their mean half way", () => {
    const blender = new WindowBlender([32, 48, 1]);
    const add = (value: number, left: number): void => {
      const window: Window = { top: 0, left, height: 32, width: 32 };
      blender.add(new Float32Array(32 * 32).fill(value), window);
    };
    add(0, 0);
    add(1, 16);
    const row = blender.blend().subarray(10 * 48, 11 * 48);
    expect(row[0]).toBe(0);
    expect(row[47]).toBe(1);
    expect(row[23]! + row[24]!).toBeCloseTo(1, 6);
    for (let column = 1; column < 48; column++) expect(row[column]!).toBeGreaterThanOrEqual(row[column - 1]!);
  });
});

it("cutWindows puts windows one behind the other", () => {
  const data = Float32Array.from({ length: 12 }, (_, index) => index);
  const windows = [{ top: 0, left: 0, height: 2, width: 2 }, { top: 2, left: 1, height: 2, width: 2 }];
  const expected = windows.flatMap((window) => [...cutWindow(data, [3, 2, 2], window, [-1, 0.5])]);
  expect([...cutWindows(data, { height: 3, width: 2 }, 2, windows, [-1, 0.5])]).toEqual(expected);
});
