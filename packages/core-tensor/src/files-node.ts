export { fileError, readSafetensors, writeFileAtomic, writeSafetensors } from "./checkpoints/atomic-file.ts";
export { removeAbandoned, temporaryPath } from "./checkpoints/temporary-files.ts";
