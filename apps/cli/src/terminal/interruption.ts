import { HidiffError } from "@hidiff/core-tensor/errors";
import { stopped } from "../errors.ts";

interface Interruption {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  release(): void;
}

/** Asks a job to stop at the first Ctrl-C. The second one ends the process at once, as without this. */
export function onInterruption(tell: () => void): Interruption {
  const controller = new AbortController();
  const listener = (): void => {
    controller.abort();
    tell();
  };
  process.once("SIGINT", listener);
  process.once("SIGTERM", listener);
  return {
    signal: controller.signal,
    release: () => {
      process.removeListener("SIGINT", listener);
      process.removeListener("SIGTERM", listener);
    },
  };
}

/**
 * Runs a job that Ctrl-C stops where it calls `check`, which throws `cli.stopped` then. It also gives signals the chance to
 * arrive, which computing does not.
 */
export async function withInterruption<T>(tell: () => void, job: (check: () => Promise<void>) => Promise<T>): Promise<T> {
  const { signal, release } = onInterruption(tell);
  try {
    return await job(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) throw new HidiffError(stopped, "Ctrl-C was pressed.");
    });
  } finally {
    release();
  }
}
