export { fileError, readSafetensors, writeFileAtomic, writeSafetensors } from "./checkpoints/atomic-file.ts";
