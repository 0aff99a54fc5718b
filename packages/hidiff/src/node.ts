export { loadBundle, writeBundle } from "./bundle/bundle-node.ts";
export { restoreCheckpoint, writeCheckpoint } from "./training/checkpoint-node.ts";
export {
  readRunConfiguration,
  runFiles,
  runTraining,
  type TrainingRunOptions,
  type TrainingRunResult,
} from "./run/training-run-node.ts";
