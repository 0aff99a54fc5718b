import { expect, it } from "vitest";
import { mapBounded } from "./map-bounded.ts";

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
