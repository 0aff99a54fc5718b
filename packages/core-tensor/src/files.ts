export { decodeSafetensors, encodeSafetensors, type FloatType, type SafetensorsFile, type StoredTensor } from "./checkpoints/safetensors.ts";
export { decodeElements, elementSize, type NpyData } from "./arrays/elements.ts";
export { decodeNpy, encodeNpy, encodeNpyHeader, type NpyArray } from "./arrays/npy.ts";
export { decodeNpz, encodeNpz, type NpzOptions } from "./arrays/npz.ts";
export { decodeWeights } from "./weights/decode-weights.ts";
export type { WeightsEntry, WeightsFile } from "./weights/weights-file.ts";
