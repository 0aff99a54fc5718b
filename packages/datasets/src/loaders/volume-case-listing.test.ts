import { HidiffError } from "@hidiff/core-tensor/errors";
import { expect, it } from "vitest";
import { findCases, mapBounded } from "./volume-case-listing.ts";

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

it("runs no more tasks at a time than allowed and keeps the order", async () => {
  let running = 0;
  let most = 0;
  const results = await mapBounded(Array.from({ length: 40 }, (_, i) => i), 3, async (item) => {
    most = Math.max(most, ++running);
    for (let i = 0; i < item % 4; i++) await later();
    running--;
    return item * 2;
  });
  expect(results).toEqual(Array.from({ length: 40 }, (_, i) => i * 2));
  expect(most).toBe(3);
  expect(await mapBounded([], 3, later)).toEqual([]);
});

it("starts nothing more after a failure, and names the first item that failed", async () => {
  let started = 0;
  const failing = mapBounded(Array.from({ length: 100 }, (_, i) => i), 4, async (item) => {
    started++;
    if (item === 3) throw new Error("three");
    await later();
    if (item === 2) throw new Error("two");
  });
  await expect(failing).rejects.toThrow("two");
  expect(started).toBe(4);
});

it("leaves out the cases that cannot be read, in order, but no mistakes of the program", async () => {
  const find = async (id: string): Promise<string> => {
    if (id.startsWith("bad")) throw new HidiffError("datasets.volume", `${id}.nii is damaged.`);
    await later();
    return id.toUpperCase();
  };
  const { cases, notes } = await findCases(["a", "bad1", "b", "bad2"], "skip", find);
  expect([...cases]).toEqual([["a", "A"], ["b", "B"]]);
  expect(notes).toEqual(['The case "bad1" is left out: bad1.nii is damaged.', 'The case "bad2" is left out: bad2.nii is damaged.']);
  await expect(findCases(["a", "bad1"], "error", find)).rejects.toMatchObject({ code: "datasets.volume" });
  await expect(findCases(["a"], "skip", () => Promise.reject(new TypeError("bug")))).rejects.toThrow("bug");
});
