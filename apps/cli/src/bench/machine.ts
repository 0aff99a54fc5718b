import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** What a measurement was taken on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly platform: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}

/** Processes that wanted to run, on average over the last minute; 0 on Windows, which does not count them. */
export function currentLoad(): number {
  return loadavg()[0]!;
}
