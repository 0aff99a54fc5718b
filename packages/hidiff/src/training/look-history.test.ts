import { describe, expect, it } from "vitest";
import { type LookHistory, lookHistorySchema, noLooks, withLook } from "./look-history.ts";

function histories(scores: readonly number[], minimumImprovement = 0): LookHistory[] {
  const all: LookHistory[] = [];
  for (const [index, refinedDice] of scores.entries()) all.push(withLook(all.at(-1) ?? noLooks, { iteration: 10 * (index + 1), refinedDice }, minimumImprovement));
  return all;
}

describe("withLook", () => {
  it("keeps the first of the highest scores, and counts the looks since", () => {
    const all = histories([0.5, 0.4, 0.6, 0.6, 0.1]);
    expect(all.map(({ best }) => best?.iteration)).toEqual([10, 10, 30, 30, 30]);
    expect(all.map(({ looksWithoutImprovement }) => looksWithoutImprovement)).toEqual([0, 1, 0, 1, 2]);
  });

  it("takes a score of 0 for the best if there is no better one", () => {
    expect(histories([0, 0]).at(-1)).toEqual({ best: { iteration: 10, refinedDice: 0 }, reference: 0, looksWithoutImprovement: 1 });
  });

  it("counts small steps as none until together they are a large one, and keeps the best all the same", () => {
    const all = histories([0.5, 0.54, 0.58, 0.62, 0.7], 0.1);
    expect(all.map(({ looksWithoutImprovement }) => looksWithoutImprovement)).toEqual([0, 1, 2, 0, 1]);
    expect(all.map(({ best }) => best?.refinedDice)).toEqual([0.5, 0.54, 0.58, 0.62, 0.7]);
  });

  it("survives being written, bit for bit", () => {
    for (const history of [noLooks, ...histories([1 / 3, 0.1 + 0.2])]) expect(lookHistorySchema.parse(JSON.parse(JSON.stringify(history)))).toEqual(history);
  });
});
