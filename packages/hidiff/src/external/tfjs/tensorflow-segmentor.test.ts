import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Generator } from "@hidiff/core-tensor";
import { decodeSafetensors } from "@hidiff/core-tensor/files";
import { createSegmentor, type ReadModelFile, type SegmentorOptions } from "@hidiff/segmentors";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../../test/backend.ts";
import type { ModelSegmentor } from "../model-segmentor.ts";
import { readModelFile } from "../read-model-file-node.ts";
import { registerModelSegmentors } from "../register.ts";

/** A network of three classes of colour images, and what TensorFlow computes with it. */
const fixtures = fileURLToPath(new URL("../../../../core-tensor/src/tensorflow-models/fixtures/", import.meta.url));
const expected = decodeSafetensors(await readFile(`${fixtures}expected.safetensors`), "expected").tensors;
const image = expected.get("image")!;
const [batch, height, width, channels] = image.shape as [number, number, number, number];
const images = { batch, height, width, channels, data: image.data as Float32Array };

beforeAll(async () => {
  await useTestBackend();
  registerModelSegmentors();
});

function segmentor(options: Partial<SegmentorOptions> = {}, read: ReadModelFile = readModelFile): ModelSegmentor {
  const all = { imageChannels: 3, classes: 3, featureWidth: 4, model: `${fixtures}graph-model/model.json`, ...options };
  return createSegmentor("tfjs", all, new Generator(1), read) as ModelSegmentor;
}

async function predict(network: ModelSegmentor, input = images): Promise<Float32Array> {
  try {
    await network.open();
    return await network.externalPrior(input);
  } finally {
    network.dispose();
  }
}

/** Reads files, model.json with a change in its text. */
function changed(from: string, to: string): ReadModelFile {
  return async (path) => {
    const bytes = await readModelFile(path);
    if (!path.endsWith(".json")) return bytes;
    const text = new TextDecoder().decode(bytes);
    expect(text).toContain(from);
    return new TextEncoder().encode(text.replace(from, to));
  };
}

describe.each([
  ["graph-model", changed('["StatefulPartitionedCall/sequential/conv2d_1/Softmax"]', '["StatefulPartitionedCall/sequential/conv2d_1/BiasAdd"]')],
  ["layers-model", changed('"activation": "softmax"', '"activation": "linear"')],
])("a %s", (folder, withoutSoftmax) => {
  it("gives the prior that TensorFlow computes, and leaves no tensors", () =>
    noLeak(async () => {
      const model = `${fixtures}${folder}/model.json`;
      // Convolutions in float32, in another order of summation, then a softmax.
      expect(await predict(segmentor({ model }))).toBeAllClose(expected.get("probability")!.data as Float32Array, { absolute: 1e-5 });
    }));

  it("gives the same without its softmax, which is applied to logits", async () => {
    const model = `${fixtures}${folder}/model.json`;
    expect(await predict(segmentor({ model }, withoutSoftmax))).toBeAllClose(expected.get("probability")!.data as Float32Array, { absolute: 1e-5 });
  });

  it("is the same from the files that a bundle has", async () => {
    const original = segmentor({ model: `${fixtures}${folder}/model.json` });
    const { model, files } = await original.source.files();
    expect(Object.keys(files)).toEqual(["segmentor.model.json", "segmentor.weights.bin"]);
    const read: ReadModelFile = (path) => Promise.resolve(files[path]!);
    expect(await predict(segmentor({ model }, read))).toEqual(await predict(original));
  });
});

it("takes a normalized image", async () => {
  const brighter = { ...images, data: images.data.map((value) => 2 * value + 1) };
  const same = await predict(segmentor({ scale: 0.5, offset: [0, 0, 0], mean: 0.5, std: 1 }), brighter);
  expect(same).toBeAllClose(expected.get("probability")!.data as Float32Array, { absolute: 1e-5 });
});

describe("is refused, without leaving tensors,", () => {
  const fails = (options: Partial<SegmentorOptions>, code: string, message: RegExp, read?: ReadModelFile): Promise<void> =>
    noLeak(() => expect(predict(segmentor(options, read))).rejects.toMatchObject({ code, message: expect.stringMatching(message) }));

  it("for images or classes that it does not fit", async () => {
    await fails({ classes: 4 }, "tfjs.output", /gives \[\?, \?, \?, 3\].*4 channels, one a class/);
    await fails({ imageChannels: 2 }, "tfjs.input", /takes \[\?, \?, \?, 3\]: expected 2 channels/);
  });

  it("where the last operation does not tell what the output is", async () => {
    const model = `${fixtures}layers-model/model.json`;
    await fails({ model }, "tfjs.activation", /operation tanh.*set the option activation/, changed('"activation": "softmax"', '"activation": "tanh"'));
  });

  it("with a shard that is missing or cut short, or lies elsewhere", async () => {
    await fails({}, "file.read", /shard9of3/, (path) => readModelFile(path.replace("shard2", "shard9")));
    const cut: ReadModelFile = async (path) => (await readModelFile(path)).subarray(0, path.endsWith("json") ? undefined : 1000);
    await fails({}, "tfjs.format", /2064 bytes of weights instead of 2112/, cut);
    await fails({}, "tfjs.format", /outside of its folder/, changed("group1-shard1of3.bin", "../group1-shard1of3.bin"));
  });
});
