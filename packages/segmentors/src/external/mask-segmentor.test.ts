import { Generator, HidiffError, tensor4d, tidy } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { createSegmentor } from "../registry.ts";
import { type ImageBatch, prior, type SegmentorModule } from "../segmentor.ts";
import { fromMask } from "./from-mask.ts";
import { type MaskPredictor, MaskSegmentor } from "./mask-segmentor.ts";

beforeAll(useTestBackend);

function imageBatch(batch: number = 2): ImageBatch {
  return { batch, height: 32, width: 32, channels: 1, data: new Generator("images").uniformArray(batch * 32 * 32, -1, 1) };
}

/** 1 where the image is bright. */
const threshold: MaskPredictor = ({ data }) => data.map((value) => (value > 0 ? 1 : 0));

/** What the segmentor's logits stand for, and its features' shapes, with the external prior of `maps`. */
async function segment(segmentor: SegmentorModule, images: ImageBatch, maps?: Float32Array): Promise<{ probability: Float32Array; shapes: number[][] }> {
  const { batch, height, width, channels, data } = images;
  const external = (await segmentor.externalPrior(images, maps))!;
  const result = { probability: new Float32Array(external.length), shapes: [] as number[][] };
  tidy(() => {
    const image = tensor4d(data, [batch, height, width, channels]);
    const { logits, features } = segmentor.forward(image, { training: false }, tensor4d(external, [batch, height, width, segmentor.classes]));
    result.probability.set(prior(logits).dataSync());
    result.shapes.push(...features.map(({ shape }) => shape));
  });
  return result;
}

/** Random probabilities with zeros and ones among them, that sum to 1 over several classes. */
function randomMaps(classes: number): Float32Array {
  const generator = new Generator("maps");
  const values = new Float32Array(2 * 32 * 32 * classes);
  for (let pixel = 0; pixel < 2 * 32 * 32; pixel++) {
    const certain = pixel % 5 === 0;
    const channels = Math.max(2, classes);
    const raw = Array.from({ length: channels }, (_, c) => (certain ? Number(c === pixel % channels) : generator.uniform(0, 1)));
    const sum = raw.reduce((a, b) => a + b, 0);
    for (let c = 0; c < classes; c++) values[pixel * classes + c] = raw[c]! / sum;
  }
  return values;
}

it.each([1, 2, 4])("gives the prior of %i class(es) back, and maps at strides 4 to 32", (classes) =>
  noLeak(async () => {
    const segmentor = createSegmentor("masks", { imageChannels: 1, classes, featureWidth: 2 }, new Generator(1));
    const maps = randomMaps(classes);
    expect(new Set(maps).has(0)).toBe(true);
    const { probability, shapes } = await segment(segmentor, imageBatch(), maps);
    // Clipping moves a probability by 1e-6 and the sum of the others by as much each; the rest is float32.
    expect(probability).toBeAllClose(maps, { absolute: classes * 1e-6 + 5e-7 });
    expect(shapes).toEqual([[2, 8, 8, 2], [2, 4, 4, 4], [2, 2, 2, 8], [2, 1, 1, 8]]);
    expect(segmentor.featureChannels).toEqual([2, 4, 8, 8]);
    expect(segmentor.trainable).toBe(false);
    segmentor.dispose();
  }),
);

describe("fromMask", () => {
  it.each<[string, MaskPredictor]>([
    ["a function", threshold],
    ["an asynchronous function", (images) => Promise.resolve(threshold(images))],
  ])("takes %s", (_, predict) =>
    noLeak(async () => {
      const segmentor = fromMask(predict, { imageChannels: 1, classes: 1, featureWidth: 2 });
      const images = imageBatch();
      const { probability } = await segment(segmentor, images);
      expect(probability).toBeAllClose(images.data.map((value) => (value > 0 ? 1 : 0)), { absolute: 1.1e-6 });
      segmentor.dispose();
    }),
  );

  it("has the parameters of its generator, else those of seed 0", () =>
    noLeak(() => {
      const options = { imageChannels: 1, classes: 1 };
      const [zero, one] = [0, 1].map((seed) => fromMask(threshold, { ...options, generator: new Generator(seed) }));
      const plain = fromMask(threshold, options);
      expect([...plain.stateDict()]).toEqual([...zero!.stateDict()]);
      expect([...plain.stateDict()]).not.toEqual([...one!.stateDict()]);
      expect(plain.featureChannels).toEqual([16, 32, 64, 64]);
      for (const segmentor of [zero, one, plain]) segmentor!.dispose();
    }));
});

it("loads its predictor once, whether it is opened before or not, and again after a failure", async () => {
  let loads = 0;
  const segmentor = new MaskSegmentor({ imageChannels: 1, classes: 1, featureWidth: 1 }, new Generator(1), () => {
    loads += 1;
    return loads === 1 ? Promise.reject(new HidiffError("onnx.file", "no such file")) : Promise.resolve(threshold);
  });
  expect(segmentor.needsMaps).toBe(false);
  await expect(segmentor.open()).rejects.toMatchObject({ code: "onnx.file" });
  await Promise.all([segmentor.open(), segmentor.externalPrior(imageBatch()), segmentor.externalPrior(imageBatch(1))]);
  expect(loads).toBe(2);
  segmentor.dispose();
});

describe("the external prior", () => {
  const reject = async (segmentor: SegmentorModule, message: RegExp, maps?: Float32Array): Promise<Error> => {
    const error: unknown = await segmentor.externalPrior(imageBatch(), maps).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "segmentor.prior", message: expect.stringMatching(message) });
    segmentor.dispose();
    return error as Error;
  };
  const masks = (classes: number): SegmentorModule => createSegmentor("masks", { imageChannels: 1, classes, featureWidth: 1 }, new Generator(1));
  const changed = (maps: Float32Array, index: number, value: number): Float32Array => maps.with(index, value);

  it("must come from somewhere", async () => {
    const segmentor = masks(1) as MaskSegmentor;
    expect(segmentor.needsMaps).toBe(true);
    await reject(segmentor, /`priors\.folder` in the configuration, `--priors FOLDER` on the command line/);
  });

  it("comes from one place only", async () => {
    await reject(fromMask(threshold, { imageChannels: 1, classes: 1 }), /computes its masks itself, and masks came with the images/, randomMaps(1));
  });

  it("has one number a pixel and class", async () => {
    await reject(masks(3), /Float32Array of 6144 probabilities \[2, 32, 32, 3\].*from the maps that came with the images, got 2048/, new Float32Array(2048));
    await reject(fromMask((() => undefined) as never, { imageChannels: 1, classes: 1 }), /from the predictor, got \[object Undefined\]/);
    await reject(fromMask((() => [0, 1]) as never, { imageChannels: 1, classes: 1 }), /from the predictor, got \[object Array\]/);
  });

  it.each([Number.NaN, Infinity, 1.002, -0.002, 255])("lies in [0, 1], not at %d", async (value) => {
    await reject(masks(1), new RegExp(`got ${value === 255 ? 255 : Math.fround(value)} at image 1, row 2, column 3, class 0`), changed(randomMaps(1), 1024 + 2 * 32 + 3, value));
  });

  it("sums to 1 over several classes", async () => {
    const maps = randomMaps(4);
    const at = 4 * (1024 + 32 + 7) + 2;
    await reject(masks(4), /to sum to 1, got 1\.\d+ at image 1, row 1, column 7, class 0; the background is a class/, changed(maps, at, maps[at]! + 0.02));
  });

  it("is clipped and normalized within the rounding of other programs", async () => {
    const [single, several] = [masks(1), masks(3)];
    const one = await single.externalPrior(imageBatch(1), new Float32Array(1024).fill(1.0009).fill(-0.0009, 0, 10));
    expect(new Set(one)).toEqual(new Set([0, 1]));
    const three = (await several.externalPrior(imageBatch(1), Float32Array.from({ length: 3072 }, (_, index) => [0.508, 0.3, 0.2][index % 3]!)))!;
    expect(three.slice(0, 3)).toBeAllClose([0.508 / 1.008, 0.3 / 1.008, 0.2 / 1.008], { absolute: 1e-7 });
    for (const segmentor of [single, several]) segmentor.dispose();
  });

  it("leaves the given maps as they are", async () => {
    const segmentor = masks(1);
    const maps = new Float32Array(2048).fill(1.0005);
    await segmentor.externalPrior(imageBatch(), maps);
    expect(maps.every((value) => value === Math.fround(1.0005))).toBe(true);
    segmentor.dispose();
  });

  it("explains a predictor's failure, with its cause; errors of this project pass", async () => {
    const cause = new TypeError("weights is undefined");
    const failing = (error: unknown): SegmentorModule => fromMask(() => Promise.reject(error), { imageChannels: 1, classes: 1 });
    const error = await reject(failing(cause), /The predictor failed for images \[2, 32, 32, 1\]: weights is undefined/);
    expect(error.cause).toBe(cause);
    const own = failing(new HidiffError("onnx.run", "no such input"));
    await expect(own.externalPrior(imageBatch())).rejects.toMatchObject({ code: "onnx.run" });
    own.dispose();
  });
});

it("forward wants an external prior of the image's size", () =>
  noLeak(() => {
    const segmentor = fromMask(threshold, { imageChannels: 1, classes: 1 });
    tidy(() => {
      const image = tensor4d(imageBatch().data, [2, 32, 32, 1]);
      expect(() => segmentor.forward(image, { training: false })).toThrow(/expected an external prior \[2,32,32,1\], got none; give what externalPrior/);
      expect(() => segmentor.forward(image, { training: false }, tensor4d(new Float32Array(512), [2, 16, 16, 1]))).toThrow(/got \[2,16,16,1\]/);
      expect(() => segmentor.forward(tensor4d(new Float32Array(600), [1, 20, 30, 1]), { training: false })).toThrow(/multiples of 32/);
    });
    segmentor.dispose();
  }));

it("rejects options that it does not take", () => {
  expect(() => fromMask(threshold, { imageChannels: 1, classes: 1, width: 4 } as never)).toThrow(/no option "width"/);
  expect(() => fromMask(threshold, { imageChannels: 1, classes: 0 })).toThrow(/expected classes to be a positive integer, got 0/);
});
