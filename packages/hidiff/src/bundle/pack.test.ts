import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "@hidiff/core-tensor";
import { decodeSafetensors } from "@hidiff/core-tensor/files";
import type { RasterImage } from "@hidiff/datasets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { HiDiff } from "../hidiff.ts";
import { randomModel, tinyArchitecture, tinyInference } from "../testing/tiny.ts";
import { loadBundle, readBundle, readWholeBundle, writeBundle, writeBundleZip } from "./bundle-node.ts";
import { type BundleContents, encodeBundle } from "./bundle.ts";
import { bundleFiles, bundleJsonSchema, decodeManifest } from "./manifest.ts";
import { packBundle } from "./pack.ts";
import { withoutMachinePaths } from "./provenance.ts";
import { verifyBundle } from "./verify.ts";

const image: RasterImage = { height: 32, width: 32, channels: 1, data: Uint8Array.from({ length: 32 * 32 }, (_, index) => (index * 37) % 256) };
const score = { dataset: "drawn", split: "test", images: 4, metric: "dice", segmentor: { mean: 0.8 }, refined: { mean: 0.9 } };

let folder = "";
let files: BundleContents = {};

beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-pack-"));
  const model = randomModel(tinyArchitecture());
  files = await encodeBundle(model, model.refiner.stateDict(), {
    name: "discs",
    inference: tinyInference(),
    classes: [
      { label: 0, name: "background", colour: "#000000" },
      { label: 1, name: "disc", colour: "#e6194b" },
    ],
    metrics: [score],
  });
  model.dispose();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifestOf = (contents: BundleContents): ReturnType<typeof decodeManifest> => decodeManifest(contents[bundleFiles.manifest]!, "test");
const total = (contents: BundleContents): number => Object.values(contents).reduce((sum, { length }) => sum + length, 0);

async function probabilityOf(contents: BundleContents): Promise<Float32Array> {
  const hidiff = await HiDiff.load(contents);
  const { probability } = await hidiff.segment(image, { seed: 2 });
  hidiff.dispose();
  return probability;
}

describe("a bundle that is packed for inference only", () => {
  it("gives the same probabilities without the refiner's weights, and keeps its scores", async () => {
    const packed = await packBundle(files, "discs", { inferenceOnly: true });
    expect(Object.keys(packed).toSorted()).toEqual([bundleFiles.manifest, bundleFiles.packedRefiner, bundleFiles.segmentor]);
    expect(manifestOf(packed).metrics).toEqual([score]);
    const expected = await probabilityOf(files);
    expect(new Set(expected).size).toBeGreaterThan(1);
    expect(await noLeak(() => probabilityOf(packed))).toEqual(expected);
  });

  it("says why it has no graph engine and no refiner to export or train", async () => {
    const packed = await packBundle(files, "discs", { inferenceOnly: true });
    const before = memory().numTensors;
    const message = expect.stringMatching(/discs was packed for inference: it has no refiner\.safetensors.*graph engine.*export.*training/);
    await expect(HiDiff.load(packed, { engine: "graph" })).rejects.toMatchObject({ code: "bundle.inferenceOnly", message });
    expect(memory().numTensors).toBe(before);
    const hidiff = await HiDiff.load(packed);
    expect(() => hidiff.model.refiner).toThrow(expect.objectContaining({ code: "bundle.inferenceOnly" }));
    hidiff.dispose();
  });

  it("cannot be made of a model that the packed engine does not compute", async () => {
    const model = randomModel(tinyArchitecture({ refiner: { precision: "real" } }));
    const real = await encodeBundle(model, model.refiner.stateDict(), { name: "real", inference: tinyInference(), classes: [] });
    model.dispose();
    await expect(packBundle(real, "real", { inferenceOnly: true })).rejects.toMatchObject({ code: "bundle.packed", message: expect.stringMatching(/real-valued/) });
  });
});

describe("a bundle with half-precision weights", () => {
  it("holds the segmentor in half the bytes, rounded by at most 2⁻¹¹, and segments nearly the same", async () => {
    const packed = await packBundle(files, "discs", { half: true });
    const [before, after] = [files, packed].map((contents) => decodeSafetensors(contents[bundleFiles.segmentor]!, "segmentor"));
    expect(after!.metadata).toEqual(before!.metadata);
    for (const [name, { data }] of before!.tensors) {
      const rounded = after!.tensors.get(name)!.data;
      // 2⁻²⁵ is half a step of the smallest numbers
      data.forEach((value, index) => expect(Math.abs(rounded[index]! - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25)));
    }
    expect(total(packed)).toBeLessThan(total(files));
    const prior = async (contents: BundleContents): Promise<Float32Array> => {
      const hidiff = await HiDiff.load(contents);
      const found = (await hidiff.segment(image)).prior;
      hidiff.dispose();
      return found;
    };
    // ten layers, each wrong by some 2⁻¹¹ of its output at most
    expect(await prior(packed)).toBeAllClose(await prior(files), { absolute: 10 * 2 ** -11 });
  });

  it("is another model: scores of the old weights are not kept; packed again it stays the same", async () => {
    const packed = await packBundle(files, "discs", { half: true, description: { licence: "MIT" } });
    expect(manifestOf(packed)).toMatchObject({ licence: "MIT", name: "discs", metrics: [] });
    const again = await packBundle(packed, "discs", { half: true, scores: async () => [score] });
    expect(again[bundleFiles.segmentor]).toEqual(packed[bundleFiles.segmentor]);
    expect(manifestOf(again).metrics).toEqual([score]);
  });
});

describe("verifyBundle", () => {
  it("finds nothing wrong with good bundles, in a folder or a zip, and leaves no tensors", () =>
    noLeak(async () => {
      const packed = await packBundle(files, "discs", { inferenceOnly: true, half: true });
      await writeBundle(join(folder, "good"), packed);
      await writeBundleZip(join(folder, "good.zip"), packed);
      for (const path of ["good", "good.zip"]) {
        const { files: found, others } = await readWholeBundle(join(folder, path));
        expect(await verifyBundle(found, others, path)).toMatchObject({ problems: [], manifest: { name: "discs" } });
      }
      expect(await probabilityOf(await readBundle(join(folder, "good.zip")))).toEqual(await probabilityOf(packed));
    }));

  it("refuses what does not belong to it, which loading ignores", async () => {
    const path = join(folder, "with code");
    await writeBundle(path, files);
    await writeFile(join(path, "preprocess.js"), "process.exit(3)");
    (await loadBundle(path)).dispose();
    const { files: found, others } = await readWholeBundle(path);
    const { problems } = await verifyBundle(found, others, "discs");
    expect(problems).toEqual(["discs has the file preprocess.js, which hidiff.json does not name; remove it."]);
  });

  it("lists every kind of damage", async () => {
    const verify = async (contents: BundleContents): Promise<string> => (await noLeak(() => verifyBundle(contents, [], "discs"))).problems.join("\n");
    const damaged = files[bundleFiles.segmentor]!.slice();
    damaged[damaged.length - 1]! ^= 1;
    expect(await verify({ ...files, [bundleFiles.segmentor]: damaged })).toMatch(/segmentor\.safetensors does not have the checksum/);
    expect(await verify({})).toMatch(/no hidiff\.json/);
    const packed = await packBundle(files, "discs", { inferenceOnly: true });
    expect(await verify({ ...packed, [bundleFiles.refiner]: files[bundleFiles.refiner]! })).toMatch(/refiner\.safetensors, which hidiff\.json does not name/);
    const { [bundleFiles.packedRefiner]: _removed, ...rest } = files;
    expect(await verify(rest)).toMatch(/has no refiner\.packed\.safetensors/);
  });
});

it("the same files give the same zip", async () => {
  await writeBundleZip(join(folder, "a.zip"), files);
  await writeBundleZip(join(folder, "b.zip"), files);
  const [a, b] = [await readFile(join(folder, "a.zip")), await readFile(join(folder, "b.zip"))];
  expect(a.equals(b)).toBe(true);
});

it("bundleJsonSchema describes the manifest field by field", () => {
  const schema = bundleJsonSchema() as { properties: Record<string, any>; required: string[]; additionalProperties: boolean };
  expect(Object.keys(schema.properties).toSorted()).toEqual(Object.keys({ ...manifestOf(files), citation: 0, channelNames: 0 }).toSorted());
  expect(schema.additionalProperties).toBe(false);
  expect(schema.properties["licence"]).toMatchObject({ type: "string", default: "unspecified" });
  expect(schema.required).toEqual(expect.arrayContaining(["format", "version", "name", "checksums", "sizes"]));
});

it("withoutMachinePaths keeps the last name of absolute paths only", () => {
  expect(
    withoutMachinePaths({ root: "/home/me/DRIVE/", list: ["C:\\data\\x.onnx", "data/DRIVE"], depth: { url: "https://x.org/a", none: null, ratio: 0.5, text: "a/b" } }),
  ).toEqual({ root: "DRIVE", list: ["x.onnx", "data/DRIVE"], depth: { url: "https://x.org/a", none: null, ratio: 0.5, text: "a/b" } });
});
