import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Generator } from "@hidiff/core-tensor";
import { decodeSafetensors } from "@hidiff/core-tensor/files";
import { createSegmentor, type ImageBatch, type SegmentorOptions, segmentorNames } from "@hidiff/segmentors";
import * as onnxRuntimeWeb from "onnxruntime-web";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { noLeak, useTestBackend } from "../../../../../test/backend.ts";
import { formula } from "../../../../../test/goldens.ts";
import type { ModelSegmentor } from "../model-segmentor.ts";
import { readModelFile } from "../read-model-file-node.ts";
import { registerModelSegmentors } from "../register.ts";
import { readOnnxGraph } from "./onnx-graph.ts";
import { importOnnxRuntime, type OnnxRuntime, type OnnxSession } from "./onnx-runtime.ts";
import type { OnnxSource } from "./onnx-source.ts";

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
/** A folder where onnxruntime-node is installed. */
const onnxRuntimeNode = process.env["HIDIFF_ONNXRUNTIME_NODE"] ?? "";
const { tensors } = decodeSafetensors(await readFile(`${fixtures}expected.safetensors`), "expected");
const expected = (model: string): Float32Array => tensors.get(model)!.data as Float32Array;

/** What models with ImageNet's normalization make of images in [−1, 1]. */
const imageNet = { scale: 0.5, offset: 0.5, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

beforeAll(async () => {
  await useTestBackend();
  registerModelSegmentors();
});

function segmentor(model: string, options: Partial<SegmentorOptions> = {}, runtime?: OnnxRuntime): ModelSegmentor {
  const all = { imageChannels: 1, classes: 1, featureWidth: 4, model: `${fixtures}${model}.onnx`, ...options };
  const made = createSegmentor("onnx", all, new Generator(1), readModelFile) as ModelSegmentor;
  if (runtime !== undefined) (made.source as OnnxSource).runtime = runtime;
  return made;
}

/** The formula's images. */
function images(model: string, shape: readonly [number, number, number, number]): ImageBatch {
  const [batch, height, width, channels] = shape;
  return { batch, height, width, channels, data: formula(`${model} image`, batch * height * width * channels) };
}

async function predict(network: ModelSegmentor, input: ImageBatch): Promise<Float32Array> {
  try {
    await network.open();
    return await network.externalPrior(input);
  } finally {
    network.dispose();
  }
}

async function expectFailure(network: ModelSegmentor, code: string, message: RegExp): Promise<void> {
  const prediction = predict(network, images("any", [1, 32, 32, network.imageChannels]));
  await expect(prediction).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
}

// Convolutions in float32, in other orders of summation than Python's onnxruntime, then a sigmoid or softmax.
const tolerance = { absolute: 1e-5 };

function agrees(runtime?: OnnxRuntime): void {
  it("of logits, by a sigmoid, for a batch of any size", () =>
    noLeak(async () => {
      const prior = await predict(segmentor("logits", {}, runtime), images("logits", [2, 32, 64, 1]));
      expect(prior).toBeAllClose(expected("logits"), tolerance);
    }));

  it("of a fixed size, one image at a time, with ImageNet's normalization: the second of two channels", () =>
    noLeak(async () => {
      const [one, two] = [1, 2].map((classes) => segmentor("softmax", { imageChannels: 3, classes, ...imageNet }, runtime)) as [ModelSegmentor, ModelSegmentor];
      const input = images("softmax", [2, 32, 32, 3]);
      expect(await predict(two, input)).toBeAllClose(expected("softmax"), tolerance);
      expect(await predict(one, input)).toBeAllClose(expected("softmax").filter((_, index) => index % 2 === 1), tolerance);
    }));

  it("with the channels last", () =>
    noLeak(async () => {
      const prior = await predict(segmentor("channels-last", {}, runtime), images("channels-last", [1, 32, 32, 1]));
      expect(prior).toBeAllClose(expected("channels-last"), tolerance);
    }));
}

describe("with the runtime that is found, the prior is what Python's onnxruntime computes of a model", () => agrees());

describe("with onnxruntime-web, the prior is what Python's onnxruntime computes of a model", () => agrees(onnxRuntimeWeb));

describe.skipIf(onnxRuntimeNode === "")(`with onnxruntime-node${onnxRuntimeNode === "" ? " (set HIDIFF_ONNXRUNTIME_NODE to a folder that has it)" : ""}`, () => {
  agrees(onnxRuntimeNode === "" ? undefined : (createRequire(join(onnxRuntimeNode, "_"))("onnxruntime-node") as OnnxRuntime));
});

it("finds a runtime by itself, and is known by name", async () => {
  expect((await importOnnxRuntime()).InferenceSession.create).toBeTypeOf("function");
  expect(segmentorNames()).toEqual(expect.arrayContaining(["onnx", "tfjs"]));
});

it("says what to install where there is no runtime", async () => {
  const packages = ["onnxruntime-node", "onnxruntime-web"];
  for (const name of packages) {
    vi.doMock(name, () => {
      throw new Error("not found");
    });
  }
  try {
    await expectFailure(segmentor("logits"), "onnx.runtime", /install onnxruntime-node \(native\) or onnxruntime-web/);
  } finally {
    for (const name of packages) vi.doUnmock(name);
  }
});

it("repeats the channel of a grey image for a model of colours", async () => {
  const grey = images("softmax", [1, 32, 32, 1]);
  const colour = { ...grey, channels: 3, data: Float32Array.from({ length: 3 * grey.data.length }, (_, index) => grey.data[Math.floor(index / 3)]!) };
  const result = await predict(segmentor("softmax", imageNet), grey);
  expect(result).toEqual(await predict(segmentor("softmax", { imageChannels: 3, ...imageNet }), colour));
  expect(new Set(result).size).toBeGreaterThan(100);
});

it("resizes images to a multiple, and the probabilities back", async () => {
  const input = images("any", [1, 32, 64, 1]);
  const constant = { ...input, data: input.data.map(() => 0.5) };
  const [resized, plain] = await Promise.all([segmentor("logits", { multipleOf: 48 }), segmentor("logits")].map((network) => predict(network, constant)));
  expect(resized).toHaveLength(32 * 64);
  // The middle of a constant image is far from every border: all pixels see the same.
  expect([resized![16 * 64 + 32], resized![17 * 64 + 33]]).toBeAllClose([plain![16 * 64 + 32]!, plain![17 * 64 + 33]!], { absolute: 1e-6 });
});

it("takes the named output, and the activation that is asked for", async () => {
  const input = images("any", [1, 32, 32, 1]);
  const named = (options: Partial<SegmentorOptions>): Promise<Float32Array> =>
    predict(segmentor("two-outputs", { output: "logits", ...options }), input);
  const softmax = await named({ classes: 2 });
  const sigmoid = await named({ activation: "sigmoid" });
  // 3×3 convolutions of one channel with the formula's weights, whose second output is the object's.
  const weights = formula("weight", 18);
  const logit = (pixel: number, output: number): number => {
    let sum = 0;
    for (let tap = 0; tap < 9; tap++) {
      const [row, column] = [Math.floor(pixel / 32) + Math.floor(tap / 3) - 1, (pixel % 32) + (tap % 3) - 1];
      if (row >= 0 && row < 32 && column >= 0 && column < 32) sum += input.data[row * 32 + column]! * weights[output * 9 + tap]!;
    }
    return sum;
  };
  const pixels = Array.from({ length: 32 * 32 }, (_, pixel) => pixel);
  expect(sigmoid).toBeAllClose(pixels.map((pixel) => 1 / (1 + Math.exp(-logit(pixel, 1)))), { absolute: 1e-6 });
  const second = softmax.filter((_, index) => index % 2 === 1);
  expect(second).toBeAllClose(pixels.map((pixel) => 1 / (1 + Math.exp(logit(pixel, 0) - logit(pixel, 1)))), { absolute: 1e-6 });
});

describe("is refused", () => {
  it("where several outputs could be meant, or none has the name", async () => {
    await expectFailure(segmentor("two-outputs"), "onnx.names", /has 2 outputs; set the option output to one of "logits", "bounded"/);
    await expectFailure(segmentor("logits", { output: "masks" }), "onnx.names", /has no output "masks"; set the option output to one of "mask"/);
    await expectFailure(segmentor("logits", { input: "x" }), "onnx.names", /has no input "x"; set the option input to one of "image"/);
  });

  it("where the last operation does not tell what the output is", async () => {
    await expectFailure(segmentor("two-outputs", { output: "bounded" }), "onnx.activation", /operation Tanh.*set the option activation/);
    await expectFailure(segmentor("logits", { activation: "softmax" }), "onnx.activation", /one channel.*constant 1/);
  });

  it("with logits that are said to be probabilities", async () => {
    await expectFailure(segmentor("logits", { activation: "none" }), "segmentor.prior", /Expected probabilities in \[0, 1\]/);
  });

  it("with labels instead of scores", async () => {
    await expectFailure(segmentor("labels"), "onnx.type", /output "labels".*int64/);
  });

  it("where it does not run for the images, or gives something without channels", async () => {
    const running = (run: OnnxSession["run"]): OnnxRuntime => ({
      ...onnxRuntimeWeb,
      InferenceSession: { create: async (...from) => Object.assign(await onnxRuntimeWeb.InferenceSession.create(...from), { run }) },
    });
    const sizes = "/src/concat.h:136 void Concat::Prepare(const Shape&, int) Axis 3 has mismatched dimensions of 24 and 23";
    const failing = running(() => Promise.reject(new Error(sizes)));
    await expectFailure(segmentor("logits", {}, failing), "onnx.run", /logits\.onnx: Axis 3 .* 23; its input was \[1, 1, 32, 32\];.*option multipleOf/);
    const flat = running((feeds) => Promise.resolve({ mask: { ...feeds["image"]!, data: new Float32Array(32 * 32), dims: [1, 32, 32] } }));
    await expectFailure(segmentor("logits", {}, flat), "onnx.output", /gives \[1, 32, 32\]: expected four axes.*export the model with such an output/);
  });

  it("with weights in another file", async () => {
    await expectFailure(segmentor("external", { output: "logits" }), "onnx.external", /external\.data.*external_data=False/);
  });

  it("for images or classes that it does not fit", async () => {
    await expectFailure(segmentor("softmax", { imageChannels: 4 }), "onnx.input", /takes \[1, 3, 48, 40\]: expected 4 channels/);
    await expectFailure(segmentor("softmax", { imageChannels: 3, classes: 5 }), "onnx.output", /gives \[1, 2, 48, 40\].*5 channels/);
    await expectFailure(segmentor("logits", { layout: "channels-last", imageChannels: 3 }), "onnx.output", /gives \[1, 1, 32, 4\].*set the option layout/);
    await expectFailure(segmentor("softmax", { imageChannels: 3, mean: [1, 2] }), "onnx.input", /option mean has 2 numbers.*3 channels/);
  });

  it("as a file that is damaged, cut short or not there", async () => {
    const bytes = await readFile(`${fixtures}logits.onnx`);
    const from = (content: Uint8Array): ModelSegmentor =>
      createSegmentor("onnx", { imageChannels: 1, classes: 1, model: "a.onnx" }, new Generator(1), () => Promise.resolve(content)) as ModelSegmentor;
    await expectFailure(from(bytes.subarray(0, 4000)), "onnx.format", /a\.onnx.*cut short/);
    await expectFailure(from(new TextEncoder().encode("<html>")), "onnx.format", /no ONNX model/);
    const changed = Uint8Array.from(bytes);
    const field = "\u0022\u0006"; // the operator of a node, six bytes long
    changed.set(new TextEncoder().encode(`${field}Rezise`), Buffer.from(bytes).indexOf(`${field}Resize`));
    await expectFailure(from(changed), "onnx.open", /Rezise.*export it with an opset and operations that this runtime knows/);
    const later = Uint8Array.from(bytes);
    later[later.length - 1] = 99; // the last field is the version of the operator set
    await expectFailure(from(later), "onnx.open", /^ONNX Runtime cannot open a\.onnx: ONNX Runtime only .*Opset 99 is.*till opset \d+; export it/);
    await expectFailure(segmentor("nothing"), "file.read", /nothing\.onnx/);
  });

  it("with options that there are not, and without a way to read files", async () => {
    expect(() => segmentor("logits", { activaton: "none" })).toThrow(/activaton is not an option. Did you mean "activation"\?/);
    const withoutFiles = createSegmentor("onnx", { imageChannels: 1, classes: 1, model: "a.onnx" }, new Generator(1)) as ModelSegmentor;
    await expectFailure(withoutFiles, "model.file", /readModelFile/);
  });
});

it("reads what the runtimes do not tell of a file", async () => {
  const graph = readOnnxGraph(await readFile(`${fixtures}channels-last.onnx`), "channels-last");
  expect([...graph.producers]).toEqual([
    ["first", { operator: "Transpose", input: "image" }],
    ["logits", { operator: "Conv", input: "first" }],
    ["probability", { operator: "Sigmoid", input: "logits" }],
    ["mask", { operator: "Transpose", input: "probability" }],
  ]);
});
