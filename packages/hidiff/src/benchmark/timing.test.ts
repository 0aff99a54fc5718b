import { expect, it } from "vitest";
import { interleave } from "./timing.ts";

it("warms up each job, then runs them in turn, each for its rounds", async () => {
  const events: string[] = [];
  const job = (name: string, rounds: number): { name: string; rounds: number; run(): void } => ({ name, rounds, run: () => void events.push(name) });
  const slow = { ...job("slow", 1), warmUp: () => void events.push("slow's warm-up") };
  const result = await interleave([job("quick", 3), slow], {
    warmUpSeconds: 0,
    roundSeconds: 0,
    onRound: (name, round) => void events.push(`${name} ${round}`),
  });
  expect(events.join(", ")).toBe(
    "quick 0, quick, slow 0, slow's warm-up, quick 1, quick, slow 1, slow, quick 2, quick, quick 3, quick",
  );
  expect([result["quick"]!.rounds, result["slow"]!.rounds]).toEqual([3, 1]);
});

it("repeats a short job for the length of a round, and tells the time of one run", async () => {
  let runs = 0;
  // a run waits 5 ms or somewhat longer, never shorter by more than the timer's millisecond
  const run = (): Promise<void> => {
    runs++;
    return new Promise((resolve) => setTimeout(resolve, 5));
  };
  const { wait } = await interleave([{ name: "wait", rounds: 2, run }], { warmUpSeconds: 0, roundSeconds: 0.05 });
  const { median, minimum, maximum } = wait;
  expect(runs).toBeGreaterThan(3);
  expect(runs).toBeLessThanOrEqual(1 + 2 * 13);
  expect(minimum).toBeGreaterThan(0.004);
  expect(median).toBeCloseTo((minimum + maximum) / 2, 12);
});
