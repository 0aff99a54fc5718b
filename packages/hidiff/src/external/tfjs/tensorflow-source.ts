import { HidiffError, tensor4d, tidy } from "@hidiff/core-tensor";
import {
  joinShards,
  loadTensorFlowModel,
  readModelJson,
  type TensorFlowModel,
  type TensorFlowModelJson,
} from "@hidiff/core-tensor/tensorflow-models";
import type { MaskPredictor, ReadModelFile } from "@hidiff/segmentors";
import { bundledModelFiles } from "../bundled-model-files.ts";
import type { ImageModel, ModelMaps } from "../image-model.ts";
import { imagePredictor } from "../image-predictor.ts";
import type { ModelOptions } from "../model-options.ts";
import type { ModelSource } from "../model-source.ts";

interface ModelFiles {
  readonly modelJson: TensorFlowModelJson;
  readonly joined: ReturnType<typeof joinShards>;
}

/** A Graph model or Layers model of TensorFlow.js: a `model.json` with its shards of weights beside it. */
export class TensorFlowSource implements ModelSource {
  readonly #options: ModelOptions;
  readonly #readFile: ReadModelFile;
  #files: ModelFiles | undefined;
  #model: ImageModel | undefined;

  constructor(options: ModelOptions, readFile: ReadModelFile) {
    this.#options = options;
    this.#readFile = readFile;
  }

  async open(): Promise<MaskPredictor> {
    const { modelJson, joined } = await this.#read();
    const name = this.#options.model;
    const model = await loadTensorFlowModel(modelJson, joined.weights, name, this.#options);
    if (model.inputType !== "float32") {
      model.dispose();
      throw wrongType(name, "input", model.inputType, "export the model with float32 images");
    }
    this.#model = imageModel(model, name);
    try {
      return imagePredictor(this.#model, this.#options);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  async files(): Promise<{ model: string; files: Record<string, Uint8Array> }> {
    const { joined } = await this.#read();
    const files = { [bundledModelFiles.tensorflowModel]: joined.modelJson, [bundledModelFiles.tensorflowWeights]: joined.weights };
    return { model: bundledModelFiles.tensorflowModel, files };
  }

  dispose(): void {
    void this.#model?.dispose();
    this.#model = undefined;
  }

  /** Once: what is bundled is what was used, even if a file changes meanwhile. */
  async #read(): Promise<ModelFiles> {
    this.#files ??= await this.#readFiles();
    return this.#files;
  }

  async #readFiles(): Promise<ModelFiles> {
    const { model } = this.#options;
    const modelJson = readModelJson(await this.#readFile(model), model);
    const folder = model.slice(0, Math.max(model.lastIndexOf("/"), model.lastIndexOf("\\")) + 1);
    const paths = modelJson.weights.flatMap((group) => group.paths);
    const outside = paths.find((path) => path.split(/[/\\]/).includes("..") || /^([/\\]|\w+:)/.test(path));
    if (outside !== undefined) {
      throw new HidiffError("tfjs.format", `${model} names weights outside of its folder ("${outside}"); put them beside it.`);
    }
    const shards = await Promise.all(paths.map((path) => this.#readFile(folder + path)));
    return { modelJson, joined: joinShards(modelJson, shards, bundledModelFiles.tensorflowWeights) };
  }
}

function imageModel(model: TensorFlowModel, name: string): ImageModel {
  return {
    kind: "tfjs",
    name,
    inputShape: model.inputShape,
    outputShape: model.outputShape,
    outputOperator: model.outputOperator,
    run: (input) => Promise.resolve(predict(model, input, name)),
    dispose: () => Promise.resolve(model.dispose()),
  };
}

function predict(model: TensorFlowModel, { shape, data }: ModelMaps, name: string): ModelMaps {
  const results: ModelMaps[] = [];
  tidy(() => {
    const output = model.predict(tensor4d(data, shape as [number, number, number, number]));
    if (output.dtype !== "float32") {
      throw wrongType(name, "output", output.dtype, "give the model without what makes labels of its scores");
    }
    results.push({ shape: output.shape, data: output.dataSync() as Float32Array });
  });
  return results[0]!;
}

function wrongType(name: string, what: string, came: string, advice: string): HidiffError {
  return new HidiffError("tfjs.type", `${name}: expected the ${what} to be of float32 numbers, got ${came}; ${advice}.`);
}
