export * from "./tensor.ts";
export { assert, didYouMean, HidiffError, isHidiffError } from "./errors.ts";
export { Generator, type GeneratorState } from "./random.ts";
export { isNative, operation } from "./ops/operation.ts";
export { elementCount } from "./arrays/element-count.ts";
export { matMul, sumRows, swapLast } from "./ops/matmul.ts";
export { conv2d, type Conv2dOptions } from "./ops/conv2d.ts";
export { convTranspose2x2 } from "./ops/conv-transpose2x2.ts";
export { avgPool2, maxPool2, upsampleNearest2 } from "./ops/pooling.ts";
export { maxPool3 } from "./ops/max-pool3.ts";
export { resizeBilinear, resizeNearest, type ResizeOptions, slidingMean } from "./ops/resize.ts";
export { type AxisMatrix, applySeparable } from "./ops/separable.ts";
export { type BatchNormOutputs, batchNormInference, batchNormTraining, channelAffine } from "./ops/batch-norm.ts";
export { groupNorm, type GroupNormOptions, layerNorm } from "./ops/group-norm.ts";
export { leakyRelu, logSoftmax, relu, silu, softplus } from "./ops/activation.ts";
export { gelu } from "./ops/gelu.ts";
export {
  assignHost,
  countParameters,
  type HostTensor,
  type Mode,
  Module,
  type NamedParameter,
  type ParameterLayout,
  type StateDict,
} from "./modules/module.ts";
export { ModuleList } from "./modules/module-list.ts";
export { biasUniform, constantTensor, kaimingUniform, normalTensor } from "./modules/initializers.ts";
export { Conv2d, type Conv2dLayerOptions, ConvTranspose2x2 } from "./layers/conv2d.ts";
export { StandardizedConv2d } from "./layers/standardized-conv2d.ts";
export { Linear, type LinearOptions } from "./layers/linear.ts";
export { BatchNorm, type BatchNormOptions } from "./layers/batch-norm.ts";
export { GroupNorm, type GroupNormLayerOptions, LayerNorm } from "./layers/group-norm.ts";
export { mergeHeads, MultiHeadAttention, scaledDotProductAttention, splitHeads } from "./layers/multi-head-attention.ts";
export { clipGradientNorm, GradientAccumulator, gradientNorm, type Gradients, valueAndGradients } from "./optimizers/gradients.ts";
export { AdamW, type AdamWOptions } from "./optimizers/adamw.ts";
export { polynomialDecay } from "./optimizers/schedule.ts";
export { ExponentialMovingAverage } from "./optimizers/exponential-moving-average.ts";
export { fromPyTorchLayout, pytorchShape, stateFromPyTorch, toPyTorchLayout } from "./checkpoints/pytorch-layout.ts";
export {
  type BackendAttempt,
  type BackendChoice,
  type BackendName,
  backendNames,
  currentBackend,
  selectBackend,
} from "./backends/portable.ts";
export { type BackendCapabilities, probeBackend } from "./backends/probe.ts";
