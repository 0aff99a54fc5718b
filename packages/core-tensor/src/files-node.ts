export { fileError, readSafetensors, writeFileAtomic, writeSafetensors } from "./checkpoints/atomic-file.ts";
export { exists } from "./checkpoints/exists.ts";
export { recoverFolder, replaceFolder, replacedEnding } from "./checkpoints/replace-folder.ts";
export { removeAbandoned, temporaryPath } from "./checkpoints/temporary-files.ts";
export { type WeightsToWrite, writeWeights } from "./checkpoints/write-weights.ts";
export { openWeights } from "./weights/open-weights.ts";
