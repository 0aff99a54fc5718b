import { Generator, type Tensor4D, tensor4d, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { expectGradients } from "../../../core-tensor/src/testing/expect-gradients.ts";
import { mergeWindows, partitionWindows, shiftMask, type WindowGrid, windowGrid } from "./windows.ts";

beforeAll(useTestBackend);

const [batch, channels] = [2, 3];

const cases: [what: string, height: number, width: number, window: number, shifted: boolean][] = [
  ["windows that divide the map", 8, 4, 4, false],
  ["shifted windows that divide the map", 8, 12, 4, true],
  ["windows with padding", 6, 7, 4, false],
  ["shifted windows with padding", 6, 9, 4, true],
  ["shifted windows of odd length", 7, 5, 3, true],
  ["one axis no longer than a window", 2, 6, 4, true],
  ["a map as large as a window", 4, 4, 4, true],
  ["a map smaller than a window", 2, 3, 4, true],
  ["one token", 1, 1, 7, true],
  ["windows of one token", 2, 3, 1, true],
];

/** Lengths along both axes: [windows, window, shift]. */
function axes(height: number, width: number, window: number, shifted: boolean): [number, number, number][] {
  return [height, width].map((side) =>
    side <= window ? [1, side, 0] : [Math.ceil(side / window), window, shifted ? Math.floor(window / 2) : 0],
  );
}

/** Where the token of a window comes from, on the padded map. */
function origin(grid: WindowGrid, window: number, token: number): [row: number, column: number] {
  const { vertical, horizontal } = grid;
  const [top, left] = [Math.floor(window / horizontal.count), window % horizontal.count];
  const [row, column] = [Math.floor(token / horizontal.window), token % horizontal.window];
  return [
    (top * vertical.window + row + vertical.shift) % (vertical.count * vertical.window),
    (left * horizontal.window + column + horizontal.shift) % (horizontal.count * horizontal.window),
  ];
}

describe.each(cases)("%s", (_what, height, width, window, shifted) => {
  const grid = windowGrid(height, width, window, shifted);
  const windows = grid.vertical.count * grid.horizontal.count;
  const tokens = grid.vertical.window * grid.horizontal.window;

  it("is a grid of whole windows", () => {
    expect([grid.vertical, grid.horizontal].map(({ count, window: length, shift }) => [count, length, shift])).toEqual(
      axes(height, width, window, shifted),
    );
  });

  it("cuts the map as loops do, and differentiates it", async () => {
    await expectGradients({
      inputs: [{ shape: [batch, height, width, channels] }],
      operation: (map) => partitionWindows(map as Tensor4D, grid),
      reference: (map) =>
        Array.from({ length: batch * windows * tokens * channels }, (_, index) => {
          const [token, at] = [Math.floor(index / channels), Math.floor(index / channels / tokens)];
          const [row, column] = origin(grid, at % windows, token % tokens);
          if (row >= height || column >= width) return 0;
          return map![((Math.floor(at / windows) * height + row) * width + column) * channels + (index % channels)]!;
        }),
    });
  });

  it("puts it together again", () => {
    const values = new Generator(1).uniformArray(batch * height * width * channels, -1, 1);
    tidy(() => {
      const map = tensor4d(values, [batch, height, width, channels]);
      const merged = mergeWindows(partitionWindows(map, grid), grid);
      expect(merged.shape).toEqual(map.shape);
      expect(merged.dataSync()).toEqual(map.dataSync());
    });
  });

  it("masks exactly the pairs that the roll brought together", () => {
    const mask = shiftMask(grid);
    if (grid.vertical.shift === 0 && grid.horizontal.shift === 0) {
      expect(mask).toBeUndefined();
      return;
    }
    // Tokens of one part are as far apart on the map as in the window.
    const expected = Array.from({ length: windows * tokens * tokens }, (_, index) => {
      const [at, query, key] = [Math.floor(index / tokens / tokens), Math.floor(index / tokens) % tokens, index % tokens];
      const [from, to] = [origin(grid, at, query), origin(grid, at, key)];
      const { window: length } = grid.horizontal;
      const apart = [Math.floor(query / length) - Math.floor(key / length), (query % length) - (key % length)];
      return from[0] - to[0] === apart[0] && from[1] - to[1] === apart[1] ? 0 : -100;
    });
    expect(new Set(expected)).toEqual(new Set([0, -100]));
    expect([...mask!]).toEqual(expected);
  });
});

it("merging windows has the reference's gradient", async () => {
  const grid = windowGrid(6, 9, 4, true);
  const [windows, tokens] = [2 * 3, 4 * 4];
  await expectGradients({
    inputs: [{ shape: [windows, tokens, 1] }],
    operation: (parts) => mergeWindows(parts!, grid),
    reference: (parts) => {
      const map = new Float64Array(6 * 9);
      for (let index = 0; index < parts!.length; index++) {
        const [row, column] = origin(grid, Math.floor(index / tokens), index % tokens);
        if (row < 6 && column < 9) map[row * 9 + column] = parts![index]!;
      }
      return map;
    },
  });
});
