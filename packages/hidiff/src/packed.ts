export {
  type CompiledRefiner,
  decodeCompiledRefiner,
  encodeCompiledRefiner,
  type PackedArchitecture,
} from "./packed/compiled-refiner.ts";
export { type PackedInputs, PackedRefiner, type PackedRefinerOptions } from "./packed/packed-refiner.ts";
