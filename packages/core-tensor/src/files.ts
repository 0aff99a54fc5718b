export { decodeSafetensors, encodeSafetensors, type SafetensorsFile, type StoredTensor } from "./checkpoints/safetensors.ts";
