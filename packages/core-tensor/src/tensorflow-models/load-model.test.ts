import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { engine, getGradient, getKernel, type io, registerKernel, type Tensor, tensor4d, tidy, unregisterKernel } from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { formula } from "../../../../test/goldens.ts";
import { decodeSafetensors } from "../checkpoints/safetensors.ts";
import { joinShards, loadTensorFlowModel, readModelJson, type TensorFlowModel, type TensorFlowModelOptions } from "./index.ts";

beforeAll(useTestBackend);

const fixtures = fileURLToPath(new URL("fixtures/", import.meta.url));
const expected = decodeSafetensors(readFileSync(`${fixtures}expected.safetensors`), "expected").tensors;
const image = expected.get("image")!;

/** Loads a model of the fixtures. */
function load(folder: string, options: TensorFlowModelOptions = {}): Promise<TensorFlowModel> {
  const modelJson = readModelJson(readFileSync(`${fixtures}${folder}/model.json`), "model.json");
  const shards = modelJson.weights.flatMap(({ paths }) => paths).map((path) => readFileSync(`${fixtures}${folder}/${path}`));
  return loadTensorFlowModel(modelJson, joinShards(modelJson, shards, "weights.bin").weights, "The model", options);
}

function predict(model: TensorFlowModel): Float32Array {
  const result = new Float32Array(expected.get("probability")!.data.length);
  const shape = image.shape as [number, number, number, number];
  tidy(() => result.set(model.predict(tensor4d(image.data as Float32Array, shape)).dataSync()));
  return result;
}

describe.each(["graph-model", "layers-model"])("a %s of TensorFlow's converter", (folder) => {
  it("gives what TensorFlow computes, and leaves no tensors", () =>
    noLeak(async () => {
      const model = await load(folder);
      // Three convolutions in float32, in another order of summation, then a softmax.
      expect(predict(model)).toBeAllClose(expected.get("probability")!.data as Float32Array, { absolute: 1e-5 });
      expect(model).toMatchObject({ inputShape: [undefined, undefined, undefined, 3], inputType: "float32" });
      expect(model.outputShape?.at(3)).toBe(3);
      expect(model.outputOperator.toLowerCase()).toBe("softmax");
      await noLeak(() => void predict(model));
      model.dispose();
    }));

  it("is the same with its weights in one file", async () => {
    const modelJson = readModelJson(readFileSync(`${fixtures}${folder}/model.json`), "model.json");
    expect(modelJson.format).toBe(folder);
    const shards = modelJson.weights[0]!.paths.map((path) => readFileSync(`${fixtures}${folder}/${path}`));
    expect(shards).toHaveLength(3);
    const joined = joinShards(modelJson, shards, "weights.bin");
    const again = readModelJson(joined.modelJson, "again");
    expect(again.weights.map(({ paths }) => paths)).toEqual([["weights.bin"]]);
    const model = await loadTensorFlowModel(again, joined.weights, "again");
    expect(predict(model)).toBeAllClose(expected.get("probability")!.data as Float32Array, { absolute: 1e-5 });
    model.dispose();
  });

  it("refuses names that it has not, without leaving tensors", () =>
    noLeak(async () => {
      const wrongName = (text: RegExp): object => ({ code: "tfjs.names", message: expect.stringMatching(text) });
      await expect(load(folder, { output: "mask" })).rejects.toMatchObject(wrongName(/no output "mask"; it has "/));
      await expect(load(folder, { input: "picture" })).rejects.toMatchObject(wrongName(/no input "picture"/));
    }));
});

describe("a Layers model that @tensorflow/tfjs-layers saved", () => {
  /** One convolution with a sigmoid, or with two outputs. */
  async function saved(): Promise<{ modelJson: Uint8Array; weights: Uint8Array; kernel: Float32Array }> {
    const kernel = formula("kernel", 18);
    const network = layers.sequential({
      layers: [layers.layers.conv2d({ filters: 1, kernelSize: 3, padding: "same", useBias: false, activation: "sigmoid", inputShape: [8, 8, 2] })],
    });
    tidy(() => network.setWeights([tensor4d(kernel, [3, 3, 2, 1])]));
    let artifacts: io.ModelArtifacts = {};
    await network.save({
      save: (given) => {
        artifacts = given;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } });
      },
    });
    network.dispose();
    const { modelTopology, format, weightSpecs, weightData } = artifacts;
    const content = { modelTopology, format, weightsManifest: [{ paths: ["weights.bin"], weights: weightSpecs }] };
    return { modelJson: new TextEncoder().encode(JSON.stringify(content)), weights: new Uint8Array(weightData as ArrayBuffer), kernel };
  }

  it("computes its convolution", () =>
    noLeak(async () => {
      const { modelJson, weights, kernel } = await saved();
      const model = await loadTensorFlowModel(readModelJson(modelJson, "model.json"), weights, "The model");
      expect([model.inputShape, model.outputOperator]).toEqual([[undefined, 8, 8, 2], "sigmoid"]);
      const values = formula("image", 8 * 8 * 2);
      const sum = (row: number, column: number): number => {
        let total = 0;
        for (let tap = 0; tap < 9; tap++) {
          const [r, c] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
          if (r < 0 || r > 7 || c < 0 || c > 7) continue;
          for (let channel = 0; channel < 2; channel++) total += values[(r * 8 + c) * 2 + channel]! * kernel[tap * 2 + channel]!;
        }
        return total;
      };
      const reference = Array.from({ length: 64 }, (_, pixel) => 1 / (1 + Math.exp(-sum(Math.floor(pixel / 8), pixel % 8))));
      const output: Tensor = tidy(() => model.predict(tensor4d(values, [1, 8, 8, 2])));
      expect(output.shape).toEqual([1, 8, 8, 1]);
      expect(output.dataSync()).toBeAllClose(reference, { absolute: 1e-6 });
      output.dispose();
      model.dispose();
    }));

  it("refuses weights that are cut short", () =>
    noLeak(async () => {
      const { modelJson, weights } = await saved();
      await expect(loadTensorFlowModel(readModelJson(modelJson, "model.json"), weights.slice(0, 8), "The model")).rejects.toMatchObject({
        code: "tfjs.format",
      });
    }));
});

it("names the operation that the backend lacks, and leaves no tensors", () =>
  noLeak(async () => {
    const model = await load("graph-model");
    const kernel = getKernel("DepthwiseConv2dNative", engine().backendName);
    const fused = getKernel("FusedDepthwiseConv2D", engine().backendName);
    for (const { kernelName, backendName } of [kernel, fused]) unregisterKernel(kernelName, backendName);
    try {
      const message = expect.stringMatching(/needs the operation \w*DepthwiseConv2/);
      expect(() => predict(model)).toThrow(expect.objectContaining({ code: "tfjs.operation", message }));
    } finally {
      for (const config of [kernel, fused]) registerKernel(config);
    }
    model.dispose();
  }));

it("keeps this package's gradients when a Layers model is loaded", async () => {
  await load("layers-model").then((model) => model.dispose());
  // TensorFlow.js has a gradient for them, a wrong one: differentiating is to fail.
  expect([getGradient("MirrorPad"), getGradient("ResizeBilinear")]).toEqual([undefined, undefined]);
});

it.each([
  ["graph-model", "@tensorflow/tfjs-converter"],
  ["layers-model", "@tensorflow/tfjs-layers"],
])("says what a %s needs where it is not installed", async (folder, name) => {
  vi.doMock(name, () => {
    throw new Error("not found");
  });
  try {
    await expect(load(folder)).rejects.toMatchObject({ code: "tfjs.missing", message: expect.stringContaining(`npm install ${name}@4.22.0`) });
  } finally {
    vi.doUnmock(name);
  }
});

describe("readModelJson refuses", () => {
  it.each([
    ["what is not JSON", "{", /is not JSON/],
    ["JSON without a network", "{}", /has no modelTopology/],
    ["a network without weights", '{"modelTopology": {}}', /has no weightsManifest/],
    ["another format", '{"modelTopology": {}, "weightsManifest": [], "format": "tf"}', /has the format "tf"/],
  ])("%s", (_, text, message) => {
    expect(() => readModelJson(new TextEncoder().encode(text), "model.json")).toThrow(
      expect.objectContaining({ code: "tfjs.format", message: expect.stringMatching(message) }),
    );
  });
});
