export { selectBackend } from "./backends/select-node.ts";
export {
  fileError,
  openWeights,
  readSafetensors,
  removeAbandoned,
  temporaryPath,
  type WeightsToWrite,
  writeFileAtomic,
  writeSafetensors,
  writeWeights,
} from "./files-node.ts";
