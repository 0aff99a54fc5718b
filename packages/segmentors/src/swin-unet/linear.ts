import { assignHost, type Generator, Linear, type LinearOptions, normalTensor } from "@hidiff/core-tensor";

/** The standard deviation of Swin Transformer's initial weights. (It cuts them off at ±2, which no deviate reaches.) */
export const weightDeviation = 0.02;

/** A linear layer as Swin Transformer starts it: normal weights, zero bias. */
export function createLinear(options: LinearOptions, generator: Generator): Linear {
  const layer = new Linear({ ...options, initialization: "zero" }, generator);
  assignHost(layer.weight, normalTensor(layer.weight.shape, weightDeviation, generator));
  return layer;
}
