export { loadBundle, writeBundle } from "./bundle/bundle-node.ts";
export { readModelFile } from "./external/read-model-file-node.ts";
export { restoreCheckpoint, writeCheckpoint } from "./training/checkpoint-node.ts";
export {
  readRunConfiguration,
  runFiles,
  runTraining,
  type TrainingRunOptions,
  type TrainingRunResult,
} from "./run/training-run-node.ts";
export { writeNetwork } from "./weights/write-network-node.ts";
export { type InitialWeights, loadInitialWeights } from "./weights/initial-weights-node.ts";
