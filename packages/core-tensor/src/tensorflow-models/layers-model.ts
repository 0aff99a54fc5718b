import { type io, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type * as Layers from "@tensorflow/tfjs-layers";
import { registerGradients } from "../ops/gradients.ts";
import { chooseName } from "./choose-name.ts";
import { missingPackage, unreadableModel } from "./load-errors.ts";
import type { TensorFlowModel, TensorFlowModelOptions } from "./load-model.ts";

/** Layers that keep values as they are, or within their range. */
const moves = new Set(["Reshape", "Permute", "UpSampling2D", "Cropping2D", "Dropout"]);

/** @throws HidiffError as `loadTensorFlowModel` */
export async function openLayersModel(
  artifacts: io.ModelArtifacts,
  name: string,
  options: TensorFlowModelOptions,
): Promise<TensorFlowModel> {
  const layers = await importLayers();
  const model = await layers.loadLayersModel({ load: () => Promise.resolve(artifacts) }).catch((error: unknown) => {
    throw unreadableModel(name, error);
  });
  try {
    // Of a Sequential model the input layers have names, too, but inputNames is empty.
    const namesOf = (ends: readonly Layers.SymbolicTensor[]): string[] => ends.map(({ sourceLayer }) => sourceLayer.name);
    const [inputNames, outputNames] = [namesOf(model.inputs), namesOf(model.outputs)];
    const input = model.inputs[inputNames.indexOf(chooseName(inputNames, options.input, "input", name))]!;
    const outputIndex = outputNames.indexOf(chooseName(outputNames, options.output, "output", name));
    const output = model.outputs[outputIndex]!;
    return {
      inputShape: input.shape.map(lengthOf),
      inputType: input.dtype,
      outputShape: output.shape.map(lengthOf),
      outputOperator: lastOperator(output),
      predict: (image) => tidy(() => [model.predict(image)].flat()[outputIndex] as Tensor),
      dispose: () => void model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function importLayers(): Promise<typeof Layers> {
  try {
    return await import("@tensorflow/tfjs-layers");
  } catch (error) {
    throw missingPackage("a Layers model", "@tensorflow/tfjs-layers", error);
  } finally {
    registerGradients(); // the package brings TensorFlow.js's own gradients along, some of which are wrong
  }
}

function lengthOf(length: number | null): number | undefined {
  return length ?? undefined;
}

function lastOperator(output: Layers.SymbolicTensor): string {
  let { sourceLayer: layer } = output;
  while (moves.has(layer.getClassName())) layer = layer.inboundNodes[0]!.inboundLayers[0]!;
  const { activation } = layer.getConfig();
  return typeof activation === "string" && activation !== "linear" ? activation : layer.getClassName();
}
