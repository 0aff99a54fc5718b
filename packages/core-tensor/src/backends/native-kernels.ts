import { engine, mul, slice, type Tensor } from "@tensorflow/tfjs-core";

/** An attribute of a raw TensorFlow operation, as the N-API binding takes it. */
interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

interface NativeBackend {
  readonly binding: Record<"TF_ATTR_TYPE" | "TF_ATTR_FLOAT" | "TF_ATTR_BOOL" | "TF_ATTR_STRING" | "TF_FLOAT", number>;
  executeSingleOutput(name: string, attributes: OperationAttribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: OperationAttribute[], inputs: Tensor[], outputs: number): Tensor[];
}

function native(): NativeBackend {
  return engine().backend as unknown as NativeBackend;
}

function typeAttribute(name: string): OperationAttribute {
  const { binding } = native();
  return { name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
}

function batchNormAttributes(epsilon: number): OperationAttribute[] {
  const { binding } = native();
  return [
    typeAttribute("T"),
    typeAttribute("U"),
    { name: "epsilon", type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: "data_format", type: binding.TF_ATTR_STRING, value: "NHWC" },
    { name: "is_training", type: binding.TF_ATTR_BOOL, value: true },
  ];
}

/** TensorFlow's fused training-mode batch normalization of `[batch, height, width, channels]`. */
export function fusedBatchNorm(
  input: Tensor,
  scale: Tensor,
  shift: Tensor,
  epsilon: number,
): { output: Tensor; mean: Tensor; variance: Tensor; reserved: Tensor[] } {
  const empty = slice(scale, 0, 0);
  const [output, mean, unbiased, ...reserved] = native().executeMultipleOutputs(
    "FusedBatchNormV3",
    batchNormAttributes(epsilon),
    [input, scale, shift, empty, empty],
    6,
  ) as [Tensor, Tensor, Tensor, ...Tensor[]];
  // The kernel's variance has Bessel's correction; the first reserved outputs are what its gradient reads.
  const count = input.size / scale.size;
  return { output, mean, variance: mul(unbiased, (count - 1) / count), reserved };
}

/** The gradients of {@link fusedBatchNorm}. */
export function fusedBatchNormGradient(
  gradient: Tensor,
  input: Tensor,
  scale: Tensor,
  reserved: readonly Tensor[],
  epsilon: number,
): { input: Tensor; scale: Tensor; shift: Tensor } {
  const [inputGradient, scaleGradient, shiftGradient] = native().executeMultipleOutputs(
    "FusedBatchNormGradV3",
    batchNormAttributes(epsilon),
    [gradient, input, scale, ...reserved],
    5,
  ) as [Tensor, Tensor, Tensor];
  return { input: inputGradient, scale: scaleGradient, shift: shiftGradient };
}

/** `gradient` where `output` > 0, else 0. */
export function reluGradient(gradient: Tensor, output: Tensor): Tensor {
  return native().executeSingleOutput("ReluGrad", [typeAttribute("T")], [gradient, output]);
}
