import { describe, expect, it } from "vitest";
import { Generator } from "@hidiff/core-tensor/random";
import { checkDisjoint, checkGroups } from "./check.ts";
import { splitByFraction } from "./fractions.ts";
import { kFolds } from "./k-folds.ts";
import { cvcClinicDbSequence, cvcClinicDbSequenceEnds } from "./lists/cvc-clinicdb.ts";
import { kvasirSegPranetTest, kvasirSegTest, kvasirSegValidation } from "./lists/kvasir-seg.ts";
import { validationFrom } from "./validation-from.ts";

const numbered = (length: number): string[] => Array.from({ length }, (_, i) => `case-${i}`);

/** Ids in groups of random sizes up to `largest`; every seventh id has none. */
function grouped(seed: number, length: number, largest: number): { ids: string[]; groups: Map<string, string> } {
  const random = new Generator(seed);
  const ids = numbered(length);
  const groups = new Map<string, string>();
  for (let start = 0, group = 0; start < length; group++) {
    const size = 1 + random.integer(largest);
    for (const [index, id] of ids.slice(start, start + size).entries()) if ((start + index) % 7 !== 0) groups.set(id, `patient-${group}`);
    start += size;
  }
  return { ids, groups };
}

/** Every id is in exactly one list, in order, and no group in two. */
function expectPartition(lists: readonly (readonly string[])[], ids: readonly string[], groups: ReadonlyMap<string, string>): void {
  expect(lists.flat().sort()).toEqual([...ids].sort());
  for (const list of lists) expect(list).toEqual(ids.filter((id) => list.includes(id)));
  for (const group of new Set(groups.values())) {
    expect(lists.filter((list) => list.some((id) => groups.get(id) === group))).toHaveLength(1);
  }
}

describe("splitByFraction", () => {
  it("gives the shares exactly where there are no groups", () => {
    const ids = numbered(1000);
    const splits = splitByFraction(ids, { fractions: { validation: 0.1, test: 0.2 }, seed: 1 });
    expect([splits.train.length, splits.validation.length, splits.test.length]).toEqual([700, 100, 200]);
    expectPartition(Object.values(splits), ids, new Map());
    // Random, not the last ones: a tenth of them has about 100·0.1 ids of each hundred.
    const perHundred = Array.from({ length: 10 }, (_, i) => splits.test.filter((id) => Math.floor(Number(id.slice(5)) / 100) === i).length);
    expect(Math.min(...perHundred)).toBeGreaterThan(5);
  });

  it("keeps groups whole, and the counts as near as their sizes allow", () => {
    for (let seed = 0; seed < 60; seed++) {
      const largest = 1 + (seed % 9);
      const { ids, groups } = grouped(seed, 60 + seed, largest);
      const splits = splitByFraction(ids, { fractions: { validation: 0.1, test: 0.15 }, seed, groups });
      expectPartition(Object.values(splits), ids, groups);
      for (const [name, share] of [["validation", 0.1], ["test", 0.15]] as const) {
        expect(Math.abs(splits[name].length - share * ids.length)).toBeLessThanOrEqual(0.5 + largest / 2);
      }
    }
  });

  it("finds the exact count where some groups add up to it", () => {
    // 7 + 6 = 13 is the only way to the target of 13 of 130 ids.
    const sizes = [50, 40, 27, 7, 6];
    const ids = sizes.flatMap((size, group) => Array.from({ length: size }, (_, i) => `${group}/${i}`));
    const groups = new Map(ids.map((id) => [id, id.split("/")[0]!]));
    for (let seed = 0; seed < 20; seed++) {
      const { test } = splitByFraction(ids, { fractions: { validation: 0, test: 0.1 }, seed, groups });
      expect(test).toHaveLength(13);
    }
  });

  it("depends on the seed only", () => {
    const { ids, groups } = grouped(3, 200, 5);
    const split = (seed: number | string): unknown => splitByFraction(ids, { fractions: { validation: 0.2, test: 0.2 }, seed, groups });
    expect(split(1)).toEqual(split(1));
    expect(split("a")).toEqual(split("a"));
    expect(split(1)).not.toEqual(split(2));
  });

  it("fills every split that has a share, down to one id each", () => {
    const splits = splitByFraction(numbered(3), { fractions: { validation: 0.01, test: 0.98 }, seed: 0 });
    expect(Object.values(splits).map((ids) => ids.length)).toEqual([1, 1, 1]);
    expect(splitByFraction(numbered(4), { fractions: { validation: 0, test: 1 }, seed: 0 }).test).toHaveLength(4);
    expect(splitByFraction([], { fractions: { validation: 0, test: 0 }, seed: 0 })).toEqual({ train: [], validation: [], test: [] });
    expect(() => splitByFraction(numbered(2), { fractions: { validation: 0.1, test: 0.1 }, seed: 0 })).toThrow(/2 ids in 2 groups cannot fill 3 splits/);
    const all = new Map(numbered(9).map((id) => [id, "one"]));
    expect(() => splitByFraction(numbered(9), { fractions: { validation: 0, test: 0.1 }, seed: 0, groups: all })).toThrow(/9 ids in 1 groups/);
  });

  it("refuses shares out of range", () => {
    for (const fractions of [{ validation: -0.1, test: 0 }, { validation: 0.6, test: 0.6 }, { validation: Number.NaN, test: 0 }]) {
      expect(() => splitByFraction(numbered(9), { fractions, seed: 0 })).toThrow(/at least 0 and no more than 1 together/);
    }
  });
});

describe("kFolds", () => {
  it("hold out every id once, groups whole, in parts of about the same size", () => {
    for (let seed = 0; seed < 30; seed++) {
      const largest = 1 + (seed % 6);
      const { ids, groups } = grouped(seed, 80, largest);
      const folds = Array.from({ length: 5 }, (_, fold) => kFolds(ids, { folds: 5, fold, seed, groups }));
      expectPartition(folds.map(({ heldOut }) => heldOut), ids, groups);
      for (const { train, heldOut } of folds) expectPartition([train, heldOut], ids, groups);
      const sizes = folds.map(({ heldOut }) => heldOut.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(largest);
    }
  });

  it("differ by one id at most without groups, and are random", () => {
    const sizes = Array.from({ length: 4 }, (_, fold) => kFolds(numbered(10), { folds: 4, fold, seed: 9 }).heldOut.length);
    expect(sizes.sort()).toEqual([2, 2, 3, 3]);
    const heldOut = (seed: number): readonly string[] => kFolds(numbered(50), { folds: 2, fold: 0, seed }).heldOut;
    expect(heldOut(1)).toEqual(heldOut(1));
    expect(heldOut(1)).not.toEqual(heldOut(2));
  });

  it("refuse numbers out of range", () => {
    expect(() => kFolds(numbered(5), { folds: 6, fold: 0, seed: 0 })).toThrow(/from 2 to the 5 groups/);
    expect(() => kFolds(numbered(5), { folds: 1, fold: 0, seed: 0 })).toThrow(/from 2 to/);
    expect(() => kFolds(numbered(5), { folds: 5, fold: 5, seed: 0 })).toThrow(/from 0 to 4, got 5/);
  });
});

describe("checks", () => {
  it("count and name the ids that lists share", () => {
    expect(() => checkDisjoint("open", { "a.txt": ["1", "2"], "b.txt": ["3"] })).not.toThrow();
    expect(() => checkDisjoint("open", { "a.txt": ["1", "2", "3", "4", "5"], "b.txt": ["5", "4", "3", "2"] })).toThrow(
      /open: "a\.txt" and "b\.txt" share 4 ids \(5, 4, 3, …\).*take the shared ids out/,
    );
    expect(() => checkDisjoint("open", { "a.txt": ["1", "2", "1"] })).toThrow(/"a\.txt" names 1 id twice, or is used twice \(1\)/);
    expect(() => checkDisjoint("open", [["a.txt", ["1", "2"]], ["a.txt", ["1", "2"]]])).toThrow(/"a\.txt" names 2 ids twice, or is used twice \(1, 2\)/);
  });

  it("name the group that is divided", () => {
    const groups = new Map([["L", "eyes"], ["R", "eyes"]]);
    expect(() => checkGroups("open", { train: ["L", "R"], test: ["x"] }, groups)).not.toThrow();
    expect(() => checkGroups("open", { train: ["L"], test: ["R"] }, groups)).toThrow(/"L" \(train\) and "R" \(test\) belong together \(group "eyes"\)/);
  });
});

describe("validationFrom", () => {
  it("takes the last images or the named ones", () => {
    expect(validationFrom("open", ["a", "b", "c"], 2)).toEqual({ train: ["a"], validation: ["b", "c"] });
    expect(validationFrom("open", ["a", "b", "c"], ["b"])).toEqual({ train: ["a", "c"], validation: ["b"] });
    expect(validationFrom("open", ["a"], 0)).toEqual({ train: ["a"], validation: [] });
  });

  it("leaves training images", () => {
    expect(() => validationFrom("open", ["a", "b"], 2)).toThrow(/from 0 to 1/);
    expect(() => validationFrom("open", ["a", "b"], ["b", "a"])).toThrow(/none is left/);
    expect(() => validationFrom("open", ["a", "b"], ["z"])).toThrow(/"z" is no training image; expected some of a, b/);
    expect(() => validationFrom("open", ["a", "b"], "a" as unknown as string[])).toThrow(/a number of training images or a list/);
  });
});

describe("published lists", () => {
  it("have 100 images each; only lists of one split are disjoint", () => {
    for (const list of [kvasirSegPranetTest, kvasirSegTest, kvasirSegValidation]) {
      expect(new Set(list).size).toBe(100);
      expect(list.every((id) => /^c[jk][a-z0-9]{23}$/.test(id))).toBe(true);
    }
    checkDisjoint("test", { kvasirSegTest, kvasirSegValidation });
    expect(() => checkDisjoint("test", { kvasirSegTest, kvasirSegPranetTest })).toThrow(/share 8 ids/);
    expect(() => checkDisjoint("test", { kvasirSegValidation, kvasirSegPranetTest })).toThrow(/share 13 ids/);
  });

  it("divide the 612 frames of CVC-ClinicDB into 29 sequences", () => {
    const sequences = Array.from({ length: 612 }, (_, i) => cvcClinicDbSequence(i + 1)!);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(new Set(sequences).size).toBe(29);
    expect(cvcClinicDbSequenceEnds.at(-1)).toBe(612);
    expect([1, 25, 26, 205, 206, 592, 612].map(cvcClinicDbSequence)).toEqual([1, 1, 2, 10, 11, 29, 29]);
    expect([0, 613, -1, 1.5].map(cvcClinicDbSequence)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
