export { call, type EngineOptions, type KernelArguments, type KernelCall, KernelEngine, type KernelName, type Program } from "./packed/engine.ts";
export { columnOrder, kernelMatrix, kernelVector, winogradFilter } from "./packed/float-weights.ts";
export { kernelWeights, packedRowBytes, type PackedWeights, packWeights } from "./packed/weights.ts";
