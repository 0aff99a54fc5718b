import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, memory } from "@hidiff/core-tensor";
import { replacedEnding } from "@hidiff/core-tensor/node";
import { imageStack, type RasterImage } from "@hidiff/datasets";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { HiDiff, type HiDiffOptions } from "../hidiff.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { tinyArchitecture, tinyInference } from "../testing/tiny.ts";
import { loadBundle, writeBundle } from "./bundle-node.ts";
import { type BundleContents, type BundleDescription, encodeBundle } from "./bundle.ts";
import { sha256 } from "./checksum.ts";
import { bundleFiles, type BundleManifest } from "./manifest.ts";
import type { ModelScore } from "./scores.ts";

const score: ModelScore = {
  dataset: "drawn",
  split: "test",
  images: 4,
  metric: "dice",
  segmentor: { mean: 0.8, standardDeviation: 0.1 },
  refined: { mean: 0.9 },
};

const description: BundleDescription = {
  name: "discs",
  inference: tinyInference({ samples: 2 }),
  classes: [
    { label: 0, name: "background", colour: "#000000" },
    { label: 1, name: "disc", colour: "#e6194b" },
  ],
  preprocessing: { steps: [{ step: "scale", from: "range", to: [0, 1] }] },
  metrics: [score],
};

const image: RasterImage = {
  height: 32,
  width: 32,
  channels: 1,
  data: Uint8Array.from({ length: 32 * 32 }, (_, index) => (index * 37) % 256),
};

let folder = "";
let files: BundleContents = {};
let mask: Uint8Array = new Uint8Array();

beforeAll(useTestBackend);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hidiff-bundle-"));
  const model = new HybridModel(tinyArchitecture(), new Generator(8));
  files = await encodeBundle(model, model.refiner.stateDict(), description);
  const hidiff = new HiDiff(model, manifestOf(files));
  mask = (await hidiff.segment(image)).mask;
  hidiff.dispose();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function manifestOf(contents: BundleContents): BundleManifest {
  return JSON.parse(new TextDecoder().decode(contents[bundleFiles.manifest])) as BundleManifest;
}

function withManifest(change: (manifest: any) => void): BundleContents {
  const manifest = manifestOf(files);
  change(manifest);
  return { ...files, [bundleFiles.manifest]: new TextEncoder().encode(JSON.stringify(manifest)) };
}

async function expectSameMask(hidiff: HiDiff): Promise<void> {
  expect((await hidiff.segment(image)).mask).toEqual(mask);
  hidiff.dispose();
}

/** The bundle with another file in place of one, as its manifest says. */
async function withFile(name: string, content: Uint8Array): Promise<BundleContents> {
  const checksum = await sha256(content);
  const manifest = withManifest(({ checksums, sizes }) => {
    checksums[name] = checksum;
    sizes[name] = content.length;
  });
  return { ...manifest, [name]: content };
}

/** Loading fails with this code and text, and leaves no tensors. */
async function expectFailure(contents: BundleContents | Uint8Array, code: string, message: RegExp, options: HiDiffOptions = {}): Promise<void> {
  const before = memory().numTensors;
  await expect(HiDiff.load(contents, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(memory().numTensors).toBe(before);
}

describe("a bundle gives the same mask", () => {
  it("from its files", () => noLeak(async () => expectSameMask(await HiDiff.load(files))));

  it("from the bytes of a zip, whose files may lie in a folder among others", async () => {
    const inFolder = Object.fromEntries(Object.entries(files).map(([name, content]) => [`discs/${name}`, content]));
    await expectSameMask(await HiDiff.load(zipSync({ ...inFolder, "discs/README.md": new Uint8Array(3) })));
  });

  it("from a folder and from a zip on disk", async () => {
    const path = join(folder, "discs");
    await writeBundle(path, files as Record<string, Uint8Array>);
    expect((await readdir(path)).toSorted()).toEqual(Object.values(bundleFiles).toSorted());
    await expectSameMask(await loadBundle(path));
    await writeBundle(path, files as Record<string, Uint8Array>); // replaces what is there
    expect(await readdir(folder)).toEqual(["discs"]);
    await rename(path, path + replacedEnding); // as a process leaves it that is killed while it replaces the bundle
    await expectSameMask(await loadBundle(path));
    await writeBundle(`${path}/`, files as Record<string, Uint8Array>);
    expect(await readdir(folder)).toEqual(["discs"]);
    await writeFile(`${path}.zip`, zipSync(files as Record<string, Uint8Array>));
    await expectSameMask(await loadBundle(`${path}.zip`));
  });
});

it("describes itself, with defaults for what was not said", () => {
  expect(manifestOf(files)).toMatchObject({
    format: "hidiff-bundle",
    version: 1,
    name: "discs",
    licence: "unspecified",
    description: "",
    intendedUse: "",
    limitations: [],
    architecture: tinyArchitecture(),
    inference: { samples: 2 },
    preprocessing: { steps: [{ step: "scale", from: "range", to: [0, 1] }] },
    provenance: {},
    metrics: [score],
    sizes: Object.fromEntries(Object.entries(files).flatMap(([name, { length }]) => (name === bundleFiles.manifest ? [] : [[name, length]]))),
  });
});

it("preprocesses integer samples and leaves float samples alone", async () => {
  const hidiff = await HiDiff.load(files);
  const normalized = (data: RasterImage["data"]): number[] => [...hidiff.normalize({ height: 1, width: 2, channels: 1, data }).data];
  expect(normalized(Uint8Array.of(0, 255))).toEqual([0, 1]);
  expect(normalized(Uint16Array.of(0, 65535))).toEqual([0, 1]);
  expect(normalized(Float32Array.of(-2, 7))).toEqual([-2, 7]);
  hidiff.dispose();
});

it("segments a photograph in its own size, whatever size the networks take", async () => {
  const hidiff = await HiDiff.load(withManifest(({ preprocessing }) => preprocessing.steps.push({ step: "resize", height: 64, width: 32, image: "linear" })));
  const photograph: RasterImage = { height: 20, width: 50, channels: 1, data: image.data.slice(0, 1000) };
  expect(hidiff.normalize(photograph)).toMatchObject({ height: 64, width: 32 });
  const result = await noLeak(() => hidiff.segment(photograph));
  expect(result).toMatchObject({ height: 20, width: 50, classes: 1 });
  const maps = [result.mask, result.priorMask, result.probability, result.uncertainty!, result.prior];
  expect(maps.map(({ length }) => length)).toEqual([1000, 1000, 1000, 1000, 1000]);
  hidiff.dispose();
});

it("segments a stack with its own preprocessing, and a photograph as a stack of one slice", async () => {
  const hidiff = await HiDiff.load(files);
  const photograph = imageStack(image);
  const result = await noLeak(() => hidiff.segment(photograph, { maps: ["probability"] }));
  expect(result).toMatchObject({ depth: 1, height: 32, width: 32, classes: 1, prior: undefined });
  expect(result.labels).toEqual(mask);
  expect(result.probability!.slice(0)).toEqual((await hidiff.segment(image)).probability);
  const two = await hidiff.segment({ ...photograph, depth: 2, slice: () => photograph.slice(0) });
  expect(two.labels).toHaveLength(2 * mask.length);
  hidiff.dispose();
});

it("is complete without a compiled refiner, and then compiles its own", async () => {
  const contents = withManifest(({ checksums, sizes }) => {
    delete checksums[bundleFiles.packedRefiner];
    delete sizes[bundleFiles.packedRefiner];
  });
  const { [bundleFiles.packedRefiner]: _removed, ...rest } = contents;
  await expectSameMask(await HiDiff.load(rest));
});

it("refines with the graph where that is asked for", async () => {
  const hidiff = await HiDiff.load(files, { engine: "graph" });
  expect([hidiff.engine, await hidiff.packedRefiner()]).toEqual(["graph", undefined]);
  await expectSameMask(hidiff);
});

describe("is refused", () => {
  it.each(Object.values(bundleFiles))("without %s", async (name) => {
    const { [name]: _removed, ...rest } = files;
    await expectFailure(rest, "bundle.missing", new RegExp(`has no ${name}`));
  });

  it("with a wrong checksum", async () => {
    const damaged = files[bundleFiles.refiner]!.slice();
    damaged[damaged.length - 1]! ^= 1;
    await expectFailure({ ...files, [bundleFiles.refiner]: damaged }, "bundle.checksum", /refiner\.safetensors.*copy the bundle again/);
  });

  it("with a truncated network", async () => {
    const truncated = files[bundleFiles.segmentor]!.slice(0, -5);
    await expectFailure({ ...files, [bundleFiles.segmentor]: truncated }, "bundle.size", /segmentor\.safetensors has \d+ bytes, hidiff\.json says \d+/);
    await expectFailure(await withFile(bundleFiles.segmentor, truncated), "safetensors.format", /segmentor\.safetensors.*truncated/);
  });

  it("with the network of another architecture", async () => {
    const contents = withManifest(({ architecture }) => (architecture.refiner.baseWidth = 8));
    await expectFailure(contents, "bundle.packed", /another architecture/);
    await expectFailure(withManifest(({ architecture }) => (architecture.segmentor.options.baseWidth = 8)), "state.mismatch", /segmentor\.safetensors.*another architecture/);
  });

  it("with another one's network, though its checksum is right, once it is needed", async () => {
    const contents = await withFile(bundleFiles.refiner, files[bundleFiles.segmentor]!);
    await expectFailure(contents, "state.mismatch", /refiner\.safetensors/, { engine: "graph" });
  });

  it("with a refiner that was compiled from another model", async () => {
    const model = new HybridModel(tinyArchitecture({ refiner: { baseWidth: 8 } }), new Generator(8));
    const packed = (await encodeBundle(model, model.refiner.stateDict(), description))[bundleFiles.packedRefiner]!;
    model.dispose();
    await expectFailure(await withFile(bundleFiles.packedRefiner, packed), "bundle.packed", /another architecture/);
  });

  it("with a manifest that names files which no bundle has, or leaves out what every one has", async () => {
    await expectFailure(withManifest(({ checksums }) => (checksums["index.js"] = "0".repeat(64))), "config.invalid", /checksums/);
    await expectFailure(withManifest(({ sizes }) => delete sizes[bundleFiles.refiner]), "config.invalid", /sizes.*every file that has a checksum/);
    const withoutRefiner = withManifest((manifest) => {
      for (const list of [manifest.checksums, manifest.sizes]) for (const name of [bundleFiles.refiner, bundleFiles.packedRefiner]) delete list[name];
    });
    await expectFailure(withoutRefiner, "config.invalid", /expected segmentor\.safetensors, and refiner\.safetensors or/);
    await expectFailure(withManifest(({ provenance }) => (provenance.sed = 1)), "config.invalid", /provenance\.sed is not an option\. Did you mean "seed"/);
  });

  it("with a misspelt option, suggesting the right one", async () => {
    await expectFailure(
      withManifest(({ architecture }) => {
        architecture.refiner.precison = architecture.refiner.precision;
        delete architecture.refiner.precision;
      }),
      "config.invalid",
      /hidiff\.json.*architecture\.refiner\.precison is not an option\. Did you mean "precision"\?/,
    );
    await expectFailure(withManifest((manifest) => (manifest.architecture.refiner.precision = "binry")), "config.invalid", /Did you mean "binary"\?/);
  });

  it("with preprocessing that there is not, or names for other channels than its images have", async () => {
    await expectFailure(withManifest(({ preprocessing }) => (preprocessing.steps[0].step = "sclae")), "config.invalid", /preprocessing\.steps\.0/);
    await expectFailure(withManifest((manifest) => (manifest.preprocessing = { range: [-1, 1] })), "config.invalid", /preprocessing\.range is not an option/);
    await expectFailure(withManifest((manifest) => (manifest.channelNames = ["t1", "t2"])), "config.invalid", /channelNames.*one name a channel/);
  });

  it("with an unknown segmentor", async () => {
    await expectFailure(withManifest(({ architecture }) => (architecture.segmentor.name = "unett")), "segmentor.unknown", /Did you mean "unet"\?/);
  });

  it("with another version or a manifest that is not JSON", async () => {
    await expectFailure(withManifest((manifest) => (manifest.version = 2)), "config.invalid", /version/);
    const contents = { ...files, [bundleFiles.manifest]: new TextEncoder().encode("{") };
    await expectFailure(contents, "bundle.manifest", /not JSON/);
  });

  it("as a zip that is none, or is cut short", async () => {
    await expectFailure(new TextEncoder().encode("hello"), "bundle.zip", /not a complete zip/);
    const zip = zipSync(files as Record<string, Uint8Array>);
    await expectFailure(zip.slice(0, zip.length / 2), "bundle.zip", /not a complete zip/);
  });

  it("as a zip whose paths lead out of it, or with parts of a model in several folders", async () => {
    const { [bundleFiles.manifest]: manifest, ...rest } = files as Record<string, Uint8Array>;
    for (const path of ["../hidiff.json", "a/../../hidiff.json", "/hidiff.json"]) {
      await expectFailure(zipSync({ ...rest, [path]: manifest! }), "bundle.zip", /lead out of it/);
    }
    await expectFailure(zipSync({ ...rest, "a/hidiff.json": manifest! }), "bundle.zip", /several folders: the root, a\//);
  });

  it("at a path where nothing is", async () => {
    await expect(loadBundle(join(folder, "nothing"))).rejects.toMatchObject({ code: "file.read", message: expect.stringMatching(/nothing/) });
  });

  it("for writing, if the description is wrong", async () => {
    const model = new HybridModel(tinyArchitecture());
    const wrong = { ...description, classes: [{ label: 0, name: "background", colour: "black" }] };
    await expect(encodeBundle(model, model.refiner.stateDict(), wrong)).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringMatching(/classes\.0\.colour.*#ff0000/),
    });
    model.dispose();
  });
});
