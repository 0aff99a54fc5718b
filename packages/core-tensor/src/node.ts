export { selectBackend } from "./backends/select-node.ts";
export {
  exists,
  fileError,
  openWeights,
  readSafetensors,
  recoverFolder,
  removeAbandoned,
  replaceFolder,
  replacedEnding,
  temporaryPath,
  type WeightsToWrite,
  writeFileAtomic,
  writeSafetensors,
  writeWeights,
} from "./files-node.ts";
