import { Generator } from "@hidiff/core-tensor";
import { imageStack, type RasterImage } from "@hidiff/datasets";
import { fromMask } from "@hidiff/segmentors";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { encodeBundle } from "../bundle/bundle.ts";
import { bundleFiles, type BundleManifest } from "../bundle/manifest.ts";
import { HiDiff } from "../hidiff.ts";
import { HybridModel } from "../model/hybrid-model.ts";
import { arrayStack, noiseStack } from "../testing/stacks.ts";
import { randomModel, tinyArchitecture, tinyInference } from "../testing/tiny.ts";
import { labelMap } from "./labels.ts";
import { segmentStack } from "./segment-stack.ts";
import { type NetworkImage, segment, takesPriors } from "./segment.ts";
import { coverWithWindows, cutWindow } from "./windows.ts";

beforeAll(useTestBackend);

/** A model that takes its prior from outside, with a refiner whose mask depends on everything. */
function masksModel(classes: number): HybridModel {
  return randomModel({ ...tinyArchitecture({ classes }), segmentor: { name: "masks", options: { featureWidth: 2 } } });
}

/** Probabilities `[pixels, classes]`. */
function randomPrior(pixels: number, classes: number, seed = 7): Float32Array {
  const values = new Generator(seed).uniformArray(pixels * classes, 0.05, 0.95);
  if (classes === 1) return values;
  return values.map((value, index) => {
    const first = index - (index % classes);
    return value / values.subarray(first, first + classes).reduce((sum, other) => sum + other, 0);
  });
}

function randomImage(height: number, width: number, classes: number): NetworkImage {
  return { height, width, channels: 1, data: new Generator(1).uniformArray(height * width, -1, 1), prior: randomPrior(height * width, classes) };
}

const seed = 5;

describe("a prior from outside", () => {
  it.each([1, 3])("is the result's own prior, through windows and mirrorings, and guides the refinement (%i classes)", async (classes) => {
    const model = masksModel(classes);
    const image = randomImage(70, 40, classes);
    for (const options of [tinyInference(), tinyInference({ window: 32, batchSize: 2, flips: true, samples: 2 })]) {
      const result = await noLeak(() => segment(model, image, { ...options, seed }));
      // Log-odds and back, and the mean over windows, in single precision.
      expect(result.prior).toBeAllClose(image.prior!, { absolute: 2e-6 });
      expect(result.priorMask).toEqual(labelMap(image.prior!, classes));
      const other = await segment(model, { ...image, prior: randomPrior(70 * 40, classes, 8) }, { ...options, seed });
      expect(other.probability).not.toEqual(result.probability);
      expect(await segment(model, image, { ...options, seed })).toEqual(result);
    }
    model.dispose();
  });

  it("is cut and mirrored with the image, with background around it", async () => {
    const model = masksModel(3);
    const image = { ...randomImage(40, 20, 3), outside: [0.5] };
    const external = vi.spyOn(model.segmentor, "externalPrior");
    await segment(model, image, { ...tinyInference({ window: 32, batchSize: 8, flips: true }), seed });
    expect(external).toHaveBeenCalledTimes(4);
    const mirrored = (data: Float32Array, channels: number, pass: number): Float32Array =>
      data.map((_, index) => {
        const [row, column, channel] = [Math.floor(index / (20 * channels)), Math.floor(index / channels) % 20, index % channels];
        return data[((pass & 2 ? 39 - row : row) * 20 + (pass & 1 ? 19 - column : column)) * channels + channel]!;
      });
    const windows = coverWithWindows(40, 20, 32, 0.5, 32);
    for (const [pass, [images, maps]] of external.mock.calls.entries()) {
      expect(images).toMatchObject({ batch: windows.length, height: 32, width: 32, channels: 1 });
      const join = (data: Float32Array, channels: number, outside: readonly number[]): number[] =>
        windows.flatMap((window) => [...cutWindow(mirrored(data, channels, pass), [40, 20, channels], window, outside)]);
      expect([...images.data]).toEqual(join(image.data, 1, [0.5]));
      expect([...maps!]).toEqual(join(image.prior!, 3, [1, 0, 0]));
    }
    model.dispose();
  });

  it("must be there, have the image's size, and be wanted", async () => {
    const model = masksModel(1);
    const { prior, ...image } = randomImage(32, 32, 1);
    const options = { ...tinyInference(), seed };
    await expect(segment(model, image, options)).rejects.toMatchObject({ code: "segmentor.prior", message: expect.stringContaining("--priors") });
    await expect(segment(model, { ...image, prior: prior!.subarray(1) }, options)).rejects.toMatchObject({ code: "segment.prior", message: expect.stringMatching(/32×32 needs 1024 numbers, 1 a pixel, got 1023/) });
    expect(takesPriors(model)).toBe(true);
    model.dispose();
    const own = new HybridModel(tinyArchitecture(), new Generator(1));
    await expect(segment(own, { ...image, prior }, options)).rejects.toMatchObject({ code: "segment.prior", message: expect.stringContaining("computes the prior itself") });
    own.dispose();
    // One that wraps a function computes its own, too.
    const wrapped = fromMask(() => new Float32Array(32 * 32), { imageChannels: 1, classes: 1, featureWidth: 2 });
    expect(takesPriors({ segmentor: wrapped } as unknown as HybridModel)).toBe(false);
    wrapped.dispose();
  });
});

describe("segmentStack", () => {
  const size = { depth: 3, height: 20, width: 28 };
  const stack = noiseStack(size);
  const prior = arrayStack(randomPrior(3 * 20 * 28, 3), { ...size, channels: 3 }, { outside: [1, 0, 0] });

  it("refines the prior of each slice", async () => {
    const model = masksModel(3);
    const result = await noLeak(() => segmentStack(model, stack, { ...tinyInference(), seed, preprocessing: [], prior, maps: ["prior", "probability"] }));
    for (let index = 0; index < 3; index++) {
      const image = { height: 20, width: 28, channels: 1, data: stack.slice(index), outside: [0], prior: prior.slice(index) };
      const alone = await segment(model, image, { ...tinyInference(), seed: `${seed}/slice/${index}` });
      expect(result.probability!.slice(index)).toBeAllClose(alone.probability, { absolute: 1e-6 });
      expect(result.prior!.slice(index)).toBeAllClose(prior.slice(index), { absolute: 2e-6 });
      expect(result.priorLabels.subarray(index * 560, (index + 1) * 560)).toEqual(labelMap(prior.slice(index), 3));
    }
    model.dispose();
  });

  it("takes it the image's way through the preprocessing, but for intensities", async () => {
    const model = masksModel(1);
    const halves = arrayStack(Float32Array.from({ length: 3 * 560 }, (_, voxel) => (voxel % 28 < 14 ? 0.9 : 0.1)), size);
    const external = vi.spyOn(model.segmentor, "externalPrior");
    const preprocessing = [{ step: "crop-border", pixels: 2 }, { step: "z-score", region: "all" }, { step: "resize", height: 32, width: 64, image: "cubic" }] as const;
    const result = await segmentStack(model, stack, { ...tinyInference(), seed, preprocessing, prior: halves });
    const seen = external.mock.calls.map(([, maps]) => maps!);
    expect(seen).toHaveLength(3);
    // A cubic interpolation would leave [0.1, 0.9] at the edge.
    for (const maps of seen) expect([Math.max(...maps), Math.min(...maps)]).toEqual([Math.fround(0.9), Math.fround(0.1)]);
    // On the image's own grid: what was cut off is background.
    expect([...result.priorLabels.subarray(5 * 28, 6 * 28)]).toEqual(Array.from({ length: 28 }, (_, column) => Number(column >= 2 && column < 14)));
    model.dispose();
  });

  it("refuses one of another size or number of classes", async () => {
    const model = masksModel(3);
    const options = { ...tinyInference(), seed, preprocessing: [] };
    const fails = (message: RegExp) => ({ code: "segment.prior", message: expect.stringMatching(message) });
    await expect(segmentStack(model, stack, { ...options, prior: arrayStack(new Float32Array(1680), size) })).rejects.toMatchObject(fails(/has 3×20×28 .* in 1 channel\(s\); expected 3×20×28 .* in 3/));
    await expect(segmentStack(model, noiseStack({ ...size, height: 21 }), { ...options, prior })).rejects.toMatchObject(fails(/has 3×20×28 .* expected 3×21×28/));
    model.dispose();
  });
});

it("HiDiff.segment takes a prior of raster images and stacks", async () => {
  const model = masksModel(1);
  const files = await encodeBundle(model, model.refiner.stateDict(), {
    name: "masks",
    inference: tinyInference(),
    classes: [{ label: 0, name: "background", colour: "#000000" }, { label: 1, name: "disc", colour: "#e6194b" }],
    preprocessing: { steps: [{ step: "scale", from: "range", to: [-1, 1] }] },
  });
  const hidiff = new HiDiff(model, JSON.parse(new TextDecoder().decode(files[bundleFiles.manifest])) as BundleManifest, { engine: "graph" });
  const size = { height: 32, width: 40, channels: 1 };
  const prior: RasterImage = { ...size, data: randomPrior(32 * 40, 1) };
  const bytes: RasterImage = { ...size, data: Uint8Array.from({ length: 32 * 40 }, (_, index) => (index * 37) % 256) };
  const floats: RasterImage = { ...size, data: Float32Array.from(bytes.data, (value) => (2 * value) / 255 - 1) };
  const [ofBytes, ofFloats, ofStack] = [await hidiff.segment(bytes, { prior }), await hidiff.segment(floats, { prior }), await hidiff.segment(imageStack(bytes), { prior: imageStack(prior) })];
  expect(ofBytes.priorMask).toEqual(labelMap(prior.data as Float32Array, 1));
  expect(ofFloats.prior).toBeAllClose(prior.data as Float32Array, { absolute: 2e-6 });
  expect(ofBytes.mask).toEqual(ofStack.labels);
  await expect(hidiff.segment(bytes, { prior: { ...prior, width: 20, height: 64 } })).rejects.toMatchObject({ code: "segment.prior", message: expect.stringMatching(/expected a prior of 32×40 .* got 64×20/) });
  await expect(hidiff.segment(bytes, { prior: bytes })).rejects.toMatchObject({ code: "segment.prior", message: expect.stringContaining("integer samples") });
  hidiff.dispose();
});
