import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Generator } from "@hidiff/core-tensor";
import { decodeSafetensors } from "@hidiff/core-tensor/files";
import type { BatchSource } from "@hidiff/datasets";
import { zipSync } from "fflate";
import * as onnxRuntimeWeb from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { formula } from "../../../../test/goldens.ts";
import { loadBundle, writeBundle } from "../bundle/bundle-node.ts";
import { type BundleContents, encodeBundle } from "../bundle/bundle.ts";
import { bundleFiles, type BundleManifest } from "../bundle/manifest.ts";
import type { Architecture } from "../config/schema.ts";
import { HiDiff } from "../hidiff.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { tinyArchitecture, tinyBatches, tinyInference, tinyTraining } from "../testing/tiny.ts";
import { pretrainSegmentor } from "../training/pretrain-segmentor.ts";
import { TrainingSession } from "../training/session.ts";
import { trainAlternating } from "../training/train-alternating.ts";
import { readModelFile } from "./read-model-file-node.ts";

const onnx = fileURLToPath(new URL("fixtures/", import.meta.url));
const tensorflow = fileURLToPath(new URL("../../../core-tensor/src/tensorflow-models/fixtures/", import.meta.url));

beforeAll(useTestBackend);

/** A tiny model with the segmentor, trained for two iterations, as a bundle. */
async function trainedBundle(architecture: Architecture, batches: BatchSource): Promise<Record<string, Uint8Array>> {
  const model = new HybridModel(architecture, new Generator(5), readModelFile);
  const session = new TrainingSession(model, tinyTraining());
  await model.segmentor.open();
  const before = model.segmentor.stateDict();
  expect((await pretrainSegmentor(session, batches)) && (await trainAlternating(session, batches))).toBe(true);
  session.average.apply();
  expect(model.segmentor.stateDict()).not.toEqual(before); // the feature maps are trained with the refiner
  const classes = Array.from({ length: Math.max(2, architecture.classes) }, (_, label) => ({ label, name: `class ${label}`, colour: "#000000" }));
  const files = await encodeBundle(model, model.refiner.stateDict(), { name: "tiny", inference: tinyInference(), classes });
  model.dispose();
  return files;
}

/** The same images in three equal channels. */
function inColour(batches: BatchSource): BatchSource {
  return {
    ...batches,
    batch: async (step) => {
      const { images, ...rest } = await batches.batch(step);
      return { ...rest, imageChannels: 3, images: Float32Array.from({ length: 3 * images.length }, (_, index) => images[Math.floor(index / 3)]!) };
    },
  };
}

function manifestOf(files: BundleContents): BundleManifest {
  return JSON.parse(new TextDecoder().decode(files[bundleFiles.manifest])) as BundleManifest;
}

describe("a bundle whose segmentor is an ONNX model", () => {
  const image = { height: 32, width: 64, channels: 1, data: formula("logits image", 2 * 32 * 64).subarray(0, 32 * 64) };
  let folder = "";
  let files: Record<string, Uint8Array> = {};
  let expected = new Float32Array();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "hidiff-model-bundle-"));
    const segmentor = { name: "onnx", options: { model: `${onnx}logits.onnx`, featureWidth: 4 } };
    files = await trainedBundle({ ...tinyArchitecture(), segmentor }, tinyBatches());
    const { tensors } = decodeSafetensors(await readFile(`${onnx}expected.safetensors`), "expected");
    expected = Float32Array.from(tensors.get("logits")!.data).subarray(0, 32 * 64);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("has the model unchanged, and says so", async () => {
    expect(Object.keys(files)).toContain("segmentor.onnx");
    expect(Buffer.from(files["segmentor.onnx"]!)).toEqual(await readFile(`${onnx}logits.onnx`));
    expect(manifestOf(files).architecture.segmentor).toEqual({ name: "onnx", options: { model: "segmentor.onnx", featureWidth: 4 } });
  });

  it("segments with the model's mask for the prior, from files, a zip, a folder, with a runtime that is given", () =>
    noLeak(async () => {
      await writeBundle(join(folder, "tiny"), files);
      expect(await readdir(join(folder, "tiny"))).toContain("segmentor.onnx");
      const loaded = await Promise.all([
        HiDiff.load(files),
        HiDiff.load(zipSync(files)),
        loadBundle(join(folder, "tiny")),
        HiDiff.load(files, { onnxRuntime: onnxRuntimeWeb }),
      ]);
      const results = await Promise.all(loaded.map((hidiff) => hidiff.segment(image, { seed: 3 })));
      expect(loaded.map(({ engine }) => engine)).toEqual(["packed", "packed", "packed", "packed"]);
      // Python's onnxruntime sums in another order; the prior passes through log-odds.
      for (const { prior } of results) expect(prior).toBeAllClose(expected, { absolute: 1e-5 });
      for (const { mask, probability } of results) {
        expect(mask).toEqual(results[0]!.mask);
        expect(probability).toEqual(results[0]!.probability);
      }
      for (const hidiff of loaded) hidiff.dispose();
    }));

  it("can be bundled again when it was loaded", async () => {
    const hidiff = await HiDiff.load(files);
    const again = await encodeBundle(hidiff.model, hidiff.model.refiner.stateDict(), { name: "tiny", inference: tinyInference(), classes: [] });
    expect(manifestOf(again).checksums).toEqual(manifestOf(files).checksums);
    hidiff.dispose();
  });

  it("is refused without the model, or with another one", () =>
    noLeak(async () => {
      const { "segmentor.onnx": model, ...rest } = files;
      await expect(HiDiff.load(rest)).rejects.toMatchObject({ code: "bundle.missing", message: expect.stringMatching(/segmentor\.onnx/) });
      const changed = Uint8Array.from(model!, (byte, index) => (index === model!.length - 1 ? byte ^ 1 : byte));
      await expect(HiDiff.load({ ...rest, "segmentor.onnx": changed })).rejects.toMatchObject({ code: "bundle.checksum" });
      const runtime = { ...onnxRuntimeWeb, InferenceSession: { create: () => Promise.reject(new Error("no memory")) } };
      await expect(HiDiff.load(files, { onnxRuntime: runtime })).rejects.toMatchObject({ code: "onnx.open", message: expect.stringMatching(/no memory/) });
    }));
});

it.each(["graph-model", "layers-model"])("a bundle whose segmentor is a TensorFlow.js %s segments with its mask for the prior", async (kind) => {
  const segmentor = { name: "tfjs", options: { model: `${tensorflow}${kind}/model.json`, featureWidth: 4 } };
  const architecture = { ...tinyArchitecture({ imageChannels: 3, classes: 3 }), segmentor };
  const files = await trainedBundle(architecture, inColour(tinyBatches({ classes: 3 })));
  expect(manifestOf(files).architecture.segmentor.options).toEqual({ model: "segmentor.model.json", featureWidth: 4 });
  const image = { height: 32, width: 32, channels: 3, data: formula("image", 32 * 32 * 3) };
  const alone = new HybridModel(architecture, new Generator(0), readModelFile);
  const expected = await alone.segmentor.externalPrior({ batch: 1, ...image });
  alone.dispose();
  await noLeak(async () => {
    const hidiff = await HiDiff.load(zipSync(files));
    const { prior } = await hidiff.segment(image, { seed: 3 });
    expect(prior).toBeAllClose(expected!, { absolute: 1e-6 }); // it passes through logarithms
    hidiff.dispose();
  });
});
