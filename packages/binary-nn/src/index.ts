export { type DecisionHook, type DecisionKind, withDecisionHook } from "./decisions.ts";
export { computeTimeShifts, type Precision, type TimeConditioning, TimeShift, timeShiftsOf } from "./time-shift.ts";
export { addPerItem, binarize, TimeBinarization } from "./time-binarization.ts";
export { shiftedPrelu, TimeActivation } from "./time-activation.ts";
export { binarizeWeights } from "./binary-weights.ts";
export { BinaryConv2d, type BinaryConv2dOptions } from "./binary-conv2d.ts";
export { BinaryLinear, type BinaryLinearOptions } from "./binary-linear.ts";
export { binaryAttentionWeights, crossAttention } from "./binary-attention.ts";
export { LayerScale } from "./layer-scale.ts";
export { BinaryDense, type BinaryDenseOptions } from "./binary-dense.ts";
export { BinaryFeedForward, type BinaryFeedForwardOptions } from "./binary-feed-forward.ts";
export {
  BinaryCrossTransformerBlock,
  type BinaryCrossTransformerBlockOptions,
  type CrossTransformerInputs,
} from "./binary-cross-transformer-block.ts";
