import { HidiffError } from "@hidiff/core-tensor";
import type { ImageModel } from "./image-model.ts";
import type { ModelOptions } from "./model-options.ts";

/** What makes probabilities of a model's output. */
type Activation = "none" | "sigmoid" | "softmax";

/** Operations whose results are probabilities, in lower case: of ONNX, TensorFlow and Keras. */
const probabilities = new Set(["sigmoid", "hardsigmoid", "hard_sigmoid", "softmax"]);

/** Operations whose results are logits: nothing bounds them. */
const logits = new Set([
  // ONNX, and common names
  "conv", "convtranspose", "gemm", "matmul", "add", "batchnormalization", "logsoftmax",
  // TensorFlow
  "conv2d", "conv2dbackpropinput", "depthwiseconv2dnative", "_fusedconv2d", "fuseddepthwiseconv2dnative", "biasadd", "addv2",
  // Keras
  "conv2dtranspose", "separableconv2d", "depthwiseconv2d", "dense",
]);

/**
 * The activation that an option means for a model. It depends on the model alone, never on its numbers, so that it is the
 * same for every image.
 *
 * @param channels of the model's output
 * @throws HidiffError `onnx.activation`, `tfjs.activation` if "auto" cannot tell, or for a softmax over one channel
 */
export function resolveActivation(
  { kind, name, outputOperator }: ImageModel,
  option: ModelOptions["activation"],
  channels: number,
): Activation {
  const activation = option === "auto" ? activationAfter(outputOperator, channels) : option;
  if (activation === undefined) {
    throw new HidiffError(
      `${kind}.activation`,
      `The output of ${name} comes from the operation ${outputOperator}, which does not tell whether it is probabilities; ` +
        'set the option activation to "none", "sigmoid" or "softmax".',
    );
  }
  if (activation === "softmax" && channels === 1) {
    throw new HidiffError(
      `${kind}.activation`,
      `The output of ${name} has one channel, whose softmax is the constant 1; set the option activation to "sigmoid".`,
    );
  }
  return activation;
}

function activationAfter(operator: string, channels: number): Activation | undefined {
  if (probabilities.has(operator.toLowerCase())) return "none";
  if (!logits.has(operator.toLowerCase())) return undefined;
  if (operator.toLowerCase() === "logsoftmax" && channels === 1) return undefined; // one of several channels: its exponential
  return channels === 1 ? "sigmoid" : "softmax";
}

/** Applies it to `[…, channels]`, in place. */
export function applyActivation(values: Float32Array, channels: number, activation: Activation): void {
  if (activation === "sigmoid") {
    for (let i = 0; i < values.length; i++) values[i] = 1 / (1 + Math.exp(-values[i]!));
  }
  if (activation !== "softmax") return;
  for (let start = 0; start < values.length; start += channels) {
    const pixel = values.subarray(start, start + channels);
    const largest = pixel.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += pixel[c] = Math.exp(pixel[c]! - largest);
    for (let c = 0; c < channels; c++) pixel[c] = pixel[c]! / sum;
  }
}
