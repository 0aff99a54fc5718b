export { selectBackend } from "./backends/select-node.ts";
export { fileError, readSafetensors, removeAbandoned, temporaryPath, writeFileAtomic, writeSafetensors } from "./files-node.ts";
