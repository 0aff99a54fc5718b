import { registerSegmentor, segmentorNames } from "@hidiff/segmentors";
import { modelSegmentorFactory } from "./model-segmentor.ts";
import { OnnxSource } from "./onnx/onnx-source.ts";
import { TensorFlowSource } from "./tfjs/tensorflow-source.ts";

/** Adds the segmentors "onnx" and "tfjs", unless another copy of this package did. */
export function registerModelSegmentors(): void {
  if (segmentorNames().includes("onnx")) return;
  registerSegmentor("onnx", modelSegmentorFactory("onnx", (options, readFile) => new OnnxSource(options, readFile)));
  registerSegmentor("tfjs", modelSegmentorFactory("tfjs", (options, readFile) => new TensorFlowSource(options, readFile)));
}
