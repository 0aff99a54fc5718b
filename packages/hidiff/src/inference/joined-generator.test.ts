import { Generator } from "@hidiff/core-tensor";
import { expect, it } from "vitest";
import { JoinedGenerator } from "./joined-generator.ts";

it("draws for each part what its own generator draws alone, call after call", () => {
  const shares = [2, 2, 1];
  const joined = new JoinedGenerator(shares.map((items, seed) => ({ generator: new Generator(seed), items })));
  const alone = shares.map((_, seed) => new Generator(seed));
  for (const item of [6, 1]) {
    const probabilities = new Generator("probabilities").uniformArray(5 * item);
    let start = 0;
    const expected = shares.flatMap((items, part) => {
      const own = alone[part]!.bernoulliArray(probabilities.subarray(start, start + items * item));
      start += items * item;
      return [...own];
    });
    expect([...joined.bernoulliArray(probabilities)]).toEqual(expected);
  }
});
