import type { io, Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { elementCount } from "../arrays/element-count.ts";
import { HidiffError } from "../errors.ts";
import { openGraphModel } from "./graph-model.ts";
import { openLayersModel } from "./layers-model.ts";
import type { TensorFlowModelJson } from "./model-json.ts";

/** A model that maps images to maps. */
export interface TensorFlowModel {
  /** Free axes are undefined; undefined if not even the rank is known. */
  readonly inputShape: readonly (number | undefined)[] | undefined;
  readonly inputType: string;
  readonly outputShape: readonly (number | undefined)[] | undefined;
  /**
   * What computes the output's values: a graph's operation, a layer's activation or its class. Copies, moves and resizing do
   * not count.
   */
  readonly outputOperator: string;
  /** @throws HidiffError `tfjs.operation` if the backend lacks one of the model's operations, `tfjs.run` if the model fails */
  predict(input: Tensor4D): Tensor;
  /** Frees the weights. */
  dispose(): void;
}

export interface TensorFlowModelOptions {
  /** Name of the input; default: the only one. */
  readonly input?: string | undefined;
  /** Name of the output; default: the only one. */
  readonly output?: string | undefined;
}

const elementBytes: Readonly<Record<string, number>> = { float32: 4, float16: 2, int32: 4, uint16: 2, uint8: 1, bool: 1, complex64: 8 };

/**
 * Loads a Graph model (needs `@tensorflow/tfjs-converter`) or a Layers model (needs `@tensorflow/tfjs-layers`).
 *
 * @param weights the bytes of all shards, in the order of the manifest
 * @param name how errors call the model
 * @throws HidiffError `tfjs.missing` if the package is not installed, `tfjs.format` if the model cannot be read, `tfjs.names` if
 * it has no input or output of that name, or several and none was named
 */
export async function loadTensorFlowModel(
  modelJson: TensorFlowModelJson,
  weights: Uint8Array,
  name: string,
  options: TensorFlowModelOptions = {},
): Promise<TensorFlowModel> {
  const weightSpecs = modelJson.weights.flatMap((group) => group.weights);
  checkLength(weights, weightSpecs, name);
  const artifacts: io.ModelArtifacts = { ...modelJson.content, weightSpecs, weightData: weights.slice().buffer };
  const open = modelJson.format === "graph-model" ? openGraphModel : openLayersModel;
  const model = await open(artifacts, name, options);
  return { ...model, predict: (input) => explained(() => model.predict(input), name) };
}

/** A model that is found incomplete while its weights are set would leave tensors behind. */
function checkLength(weights: Uint8Array, specs: readonly io.WeightsManifestEntry[], name: string): void {
  if (specs.some(({ dtype }) => dtype === "string")) return; // of any length
  const expected = specs.reduce((sum, { shape, dtype, quantization }) => {
    return sum + elementCount(shape) * elementBytes[quantization?.dtype ?? dtype]!;
  }, 0);
  if (weights.length !== expected) {
    throw new HidiffError("tfjs.format", `${name} has ${weights.length} bytes of weights instead of ${expected}; copy its files again.`);
  }
}

function explained(predict: () => Tensor, name: string): Tensor {
  try {
    return predict();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // "Kernel 'X' not registered for backend 'Y'", "Unknown op 'X'.", "Custom op X is not registered."
    const match = /Kernel '(\w+)' not registered|Unknown op '(\w+)'|Custom op (\w+) is not registered/.exec(text);
    const operation = match?.slice(1).find(Boolean);
    if (operation === undefined) throw new HidiffError("tfjs.run", `${name} failed: ${text}`, { cause: error });
    throw new HidiffError(
      "tfjs.operation",
      `${name} needs the operation ${operation}, which this backend does not have; choose another backend, such as tfjs-node, ` +
        "or convert the model to ONNX.",
      { cause: error },
    );
  }
}
