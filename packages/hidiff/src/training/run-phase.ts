import type { BatchSource } from "@hidiff/datasets";
import type { TrainingCallbacks } from "./report.ts";
import type { TrainingProgress, TrainingSession } from "./session.ts";

/**
 * The iterations of one phase, with checkpoints, reports and the possibility to stop. Returns whether it is complete, as it
 * is, too, where looks at validation images end it early.
 *
 * @param batches where `iterate` takes its batches from: how long that takes is reported
 */
export async function runPhase(
  session: TrainingSession,
  phase: keyof TrainingProgress,
  total: number,
  batches: BatchSource,
  { onIteration, onCheckpoint, onValidation, signal }: TrainingCallbacks,
  iterate: (iteration: number) => Promise<{ losses: Readonly<Record<string, number>>; learningRate: number }>,
): Promise<boolean> {
  const { checkpointInterval, validationInterval } = session.options;
  while (session.progress[phase] < total && !session.stopsEarly) {
    if (signal?.aborted === true) {
      await onCheckpoint?.(session);
      return false;
    }
    const [startedAt, waited] = [performance.now(), batches.waited];
    const { losses, learningRate } = await iterate(session.progress[phase]);
    const iteration = session.progress[phase] + 1;
    session.progress = { ...session.progress, [phase]: iteration };
    const elapsed = performance.now() - startedAt;
    const waiting = elapsed > 0 ? Math.min(1, (batches.waited - waited) / elapsed) : 0;
    await onIteration?.({ phase, iteration, total, losses, learningRate, seconds: elapsed / 1000, waiting });
    const last = iteration === total;
    if (validationInterval > 0 && (last || iteration % validationInterval === 0)) await onValidation?.(session);
    if (last || session.stopsEarly || iteration % checkpointInterval === 0) await onCheckpoint?.(session);
  }
  return true;
}
