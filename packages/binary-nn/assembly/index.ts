export { binaryConvolution } from "./binary";
export { affine, attention, feedForwardSum, reinterpret } from "./tokens";
export { floatConvolution, groupCoefficients, groupStatistics, matrixProduct, winogradConvolution, winogradInput, winogradOutput } from "./float";
export { packMask, stem } from "./mask";
