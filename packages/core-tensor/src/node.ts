export { selectBackend } from "./backends/select-node.ts";
export { fileError, readSafetensors, writeFileAtomic, writeSafetensors } from "./files-node.ts";
