import { summarize } from "@hidiff/metrics";

/** Times of one computation over the rounds, in seconds. */
export interface Spread {
  readonly rounds: number;
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** A computation to be timed. */
interface TimedJob<Name extends string> {
  readonly name: Name;
  /** At least 1. */
  readonly rounds: number;
  run(): void | Promise<void>;
  /** Runs before the first round; default: `run`. */
  warmUp?(): void | Promise<void>;
}

interface InterleaveOptions<Name extends string> {
  /** Called before each round of each job; round 0 is the warm-up. */
  readonly onRound?: (name: Name, round: number) => void | Promise<void>;
  /** A warm-up, and a round, repeat a short job until this time has passed. */
  readonly warmUpSeconds?: number;
  readonly roundSeconds?: number;
}

/**
 * Times jobs in turn, round by round, so that a drifting machine treats all of them alike.
 *
 * @returns per job the spread over its rounds; a round's time is the mean of its runs
 */
export async function interleave<Name extends string>(
  jobs: readonly TimedJob<Name>[],
  { onRound, warmUpSeconds = 0.5, roundSeconds = 0.2 }: InterleaveOptions<Name> = {},
): Promise<Record<Name, Spread>> {
  const times = new Map<Name, number[]>();
  for (const job of jobs) {
    await onRound?.(job.name, 0);
    await meanSeconds(() => (job.warmUp ?? job.run)(), warmUpSeconds);
    times.set(job.name, []);
  }
  const rounds = Math.max(...jobs.map((job) => job.rounds));
  for (let round = 1; round <= rounds; round++) {
    for (const job of jobs.filter((candidate) => round <= candidate.rounds)) {
      await onRound?.(job.name, round);
      times.get(job.name)!.push(await meanSeconds(() => job.run(), roundSeconds));
    }
  }
  return Object.fromEntries([...times].map(([name, seconds]) => [name, spreadOf(seconds)])) as Record<Name, Spread>;
}

async function meanSeconds(run: () => void | Promise<void>, least: number): Promise<number> {
  const start = performance.now();
  for (let runs = 1; ; runs++) {
    await run();
    const elapsed = (performance.now() - start) / 1000;
    if (elapsed >= least) return elapsed / runs;
  }
}

function spreadOf(seconds: readonly number[]): Spread {
  const { count, median, minimum, maximum } = summarize(seconds);
  return { rounds: count, median: median!, minimum: minimum!, maximum: maximum! };
}
