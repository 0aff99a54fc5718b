export { loadTensorFlowModel, type TensorFlowModel, type TensorFlowModelOptions } from "./load-model.ts";
export { joinShards, readModelJson, type TensorFlowModelJson } from "./model-json.ts";
