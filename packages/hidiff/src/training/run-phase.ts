import type { BatchSource } from "@hidiff/datasets";
import type { TrainingCallbacks } from "./report.ts";
import type { TrainingProgress, TrainingSession } from "./session.ts";

/**
 * The iterations of one phase, with checkpoints, reports and the possibility to stop. Returns whether it is complete.
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
  let [reportedAt, waited] = [performance.now(), batches.waited];
  while (session.progress[phase] < total) {
    if (signal?.aborted === true) {
      await onCheckpoint?.(session);
      return false;
    }
    const { losses, learningRate } = await iterate(session.progress[phase]);
    const iteration = session.progress[phase] + 1;
    session.progress = { ...session.progress, [phase]: iteration };
    const elapsed = performance.now() - reportedAt;
    const waiting = elapsed > 0 ? Math.min(1, (batches.waited - waited) / elapsed) : 0;
    [reportedAt, waited] = [reportedAt + elapsed, batches.waited];
    await onIteration?.({ phase, iteration, total, losses, learningRate, waiting });
    const last = iteration === total;
    if (validationInterval > 0 && (last || iteration % validationInterval === 0)) await onValidation?.(session);
    if (last || iteration % checkpointInterval === 0) await onCheckpoint?.(session);
  }
  return true;
}
