import { describe, expect, it } from "vitest";
import { connectedComponents, keepLargestComponent, type Connectivity } from "./connected-components.ts";
import { gridOf } from "./geometry.ts";
import { drawnMask, placeOf, randomMask, seededRandom } from "./testing/masks.ts";

/** Components by flood fill, with neighbourhood decided by the largest and the summed coordinate difference. */
function floodFill(mask: Uint8Array, shape: readonly number[], connectivity: Connectivity): number[] {
  const grid = gridOf("test", { shape });
  const places = Array.from(mask, (_, index) => placeOf(index, grid));
  const touch = (first: number, second: number): boolean => {
    const steps = places[first]!.map((place, axis) => Math.abs(place - places[second]![axis]!));
    const faces = connectivity === 4 || connectivity === 6;
    return faces ? steps.reduce((total, step) => total + step, 0) === 1 : Math.max(...steps) === 1;
  };
  const labels = Array.from(mask, () => 0);
  let count = 0;
  for (const start of mask.keys()) {
    if (mask[start] === 0 || labels[start] !== 0) continue;
    const open = [start];
    labels[start] = ++count;
    for (let current = open.pop(); current !== undefined; current = open.pop()) {
      for (const other of mask.keys()) {
        if (mask[other] === 1 && labels[other] === 0 && touch(current, other)) {
          labels[other] = count;
          open.push(other);
        }
      }
    }
  }
  return labels;
}

describe("connectedComponents", () => {
  it.each([
    { shape: [9, 11], connectivity: 4 },
    { shape: [9, 11], connectivity: 8 },
    { shape: [1, 20], connectivity: 4 },
    { shape: [4, 5, 6], connectivity: 6 },
    { shape: [4, 5, 6], connectivity: 26 },
    { shape: [1, 7, 7], connectivity: 26 },
  ] as const)("agree with a flood fill on random masks: %o", ({ shape, connectivity }) => {
    const random = seededRandom(3);
    const length = shape.reduce<number>((product, size) => product * size, 1);
    for (const probability of [0.1, 0.25, 0.4, 0.55, 0.7]) {
      const mask = randomMask(random, length, probability);
      const { labels, sizes } = connectedComponents(mask, { shape, connectivity });
      const expected = floodFill(mask, shape, connectivity);
      expect([...labels]).toEqual(expected);
      expect(sizes).toEqual(sizes.map((_, index) => expected.filter((label) => label === index + 1).length));
      expect(sizes).toHaveLength(Math.max(0, ...expected));
    }
  });

  it("connects across corners unless told otherwise", () => {
    const mask = drawnMask("#.#", ".#.", "#.#");
    expect(connectedComponents(mask, { shape: [3, 3] }).sizes).toEqual([5]);
    expect(connectedComponents(mask, { shape: [3, 3], connectivity: 4 }).sizes).toEqual([1, 1, 1, 1, 1]);
  });

  it("joins branches that meet late", () => {
    const mask = drawnMask("#.#.#", "#.#.#", "#####");
    expect(connectedComponents(mask, { shape: [3, 5], connectivity: 4 }).sizes).toEqual([11]);
  });

  it("handles empty, single and zero-size masks", () => {
    expect(connectedComponents([0, 0], { shape: [1, 2] }).sizes).toEqual([]);
    expect(connectedComponents([1], { shape: [1, 1] }).sizes).toEqual([1]);
    expect(connectedComponents([], { shape: [0, 4] }).sizes).toEqual([]);
  });

  it("refuses a connectivity of the other rank, and wrong lengths", () => {
    const code = "metrics.connectivity";
    expect(() => connectedComponents([1], { shape: [1, 1], connectivity: 26 })).toThrow(expect.objectContaining({ code }));
    expect(() => connectedComponents([1], { shape: [1, 1, 1], connectivity: 4 })).toThrow(expect.objectContaining({ code }));
    expect(() => connectedComponents([1], { shape: [2, 2] })).toThrow(expect.objectContaining({ code: "metrics.length" }));
  });
});

describe("keepLargestComponent", () => {
  it("keeps the largest, and the first among equals", () => {
    const mask = drawnMask("#..##", "...##", "#....");
    expect(keepLargestComponent(mask, { shape: [3, 5] })).toEqual(drawnMask("...##", "...##", "....."));
    expect(keepLargestComponent(drawnMask("#.#"), { shape: [1, 3] })).toEqual(drawnMask("#.."));
  });

  it("leaves an empty mask empty", () => {
    expect(keepLargestComponent([0, 0], { shape: [1, 2] })).toEqual(new Uint8Array(2));
    expect(keepLargestComponent([], { shape: [0, 2] })).toEqual(new Uint8Array(0));
  });
});
