/** Names of the files of models of other runtimes in a bundle. */
export const bundledModelFiles = {
  onnx: "segmentor.onnx",
  tensorflowModel: "segmentor.model.json",
  tensorflowWeights: "segmentor.weights.bin",
} as const;
