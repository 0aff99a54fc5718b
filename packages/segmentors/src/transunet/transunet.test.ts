import { countParameters, Generator, type Tensor4D, tensor4d, tidy, zeros } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { createSegmentor } from "../registry.ts";
import { expectDeclaredShapes, lossesOfTraining, randomImage, run, unreachedParameters } from "../testing/segmentor-checks.ts";
import { TransUNet } from "./transunet.ts";

beforeAll(useTestBackend);

/** The ResNet's width is 4, so that it has groups of one channel. */
const tiny = {
  imageChannels: 2,
  classes: 3,
  hiddenSize: 8,
  mlpSize: 12,
  heads: 2,
  layers: 1,
  resnetUnits: [1, 2, 1],
  widthFactor: 1 / 16,
  decoderChannels: [8, 6, 4, 2],
  imageSize: 32,
} as const;

it.each([
  [{}, [2, 32, 64]],
  [{ skips: 0 }, [1, 96, 32]],
  [{ skips: 1, imageChannels: 1 }, [1, 32, 32]],
  [{ skips: 2, imageSize: 96, imageChannels: 4 }, [1, 64, 64]],
] as const)("with %j gives maps of the declared shapes, and every parameter a gradient, on images %j", (options, shape) =>
  noLeak(() => {
    const network = createSegmentor("transunet", { ...tiny, ...options }, new Generator(1));
    expect(network).toBeInstanceOf(TransUNet);
    expect(network.featureChannels).toEqual([6, 8, 512, 512]);
    expectDeclaredShapes(network, shape);
    // Softmax takes away what all keys have in common.
    expect(unreachedParameters(network, shape).filter((name) => !name.endsWith("key.bias"))).toEqual([]);
    network.dispose();
  }),
);

describe("sizes", () => {
  it("a published layer has the published number of parameters", () =>
    noLeak(() => {
      // R50-ViT-B/16 with nine classes has 105,277,081; each of its twelve transformer blocks has 7,087,872.
      const network = new TransUNet({ imageChannels: 3, classes: 9, layers: 1 }, new Generator(1));
      expect(countParameters(network)).toBe(105_277_081 - 11 * 7_087_872);
      expect(network.featureChannels).toEqual([128, 256, 512, 512]);
      network.dispose();
    }));

  it("variants give the defaults, single options override them", () =>
    noLeak(() => {
      const own = { layers: 2, decoderChannels: [32, 16, 8, 8] };
      const network = new TransUNet({ imageChannels: 1, classes: 1, variant: "small", ...own }, new Generator(1));
      expect(network.options).toMatchObject({ hiddenSize: 96, heads: 4, skips: 3, imageSize: 224, ...own });
      network.dispose();
    }));

  it("a small one has 1.4 million parameters", () => {
    const network = new TransUNet({ imageChannels: 3, classes: 9, variant: "small" }, new Generator(1));
    expect(countParameters(network)).toBe(1_380_425);
    network.dispose();
  });
});

it("repeats images of one channel to three", () => {
  const [one, three] = [1, 3].map((imageChannels) => new TransUNet({ ...tiny, imageChannels }, new Generator(1))) as [TransUNet, TransUNet];
  const image = randomImage([1, 32, 32, 1]);
  const repeated = tensor4d(
    Array.from(image.dataSync(), (value) => [value, value, value]).flat(),
    [1, 32, 32, 3],
  );
  expect(run(one, image)).toEqual(run(three, repeated));
  for (const disposable of [one, three, image, repeated]) disposable.dispose();
});

it("starts as published: position embeddings zero, the transformer's linear maps Xavier-uniform, norms the identity", () => {
  const network = new TransUNet({ ...tiny, hiddenSize: 32, mlpSize: 64 }, new Generator(1));
  const values = (name: string): Float32Array => network.stateDict().get(name)!.data;
  expect(values("positionEmbeddings").every((value) => value === 0)).toBe(true);
  for (const layer of ["linear1", "linear2"]) {
    const bound = Math.sqrt(6 / (32 + 64));
    const largest = Math.max(...values(`transformer.blocks.0.${layer}.weight`).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.99 * bound); // of 2048 numbers; below with a probability of 1e-9
    expect(Math.max(...values(`transformer.blocks.0.${layer}.bias`).map(Math.abs))).toBeLessThan(1e-5);
  }
  expect(values("resnet.stages.0.0.norm3.weight").every((value) => value === 1)).toBe(true);
  network.dispose();
});

it("treats the items of a batch independently in evaluation mode", () => {
  const network = new TransUNet(tiny, new Generator(1));
  const both = randomImage([2, 32, 64, 2]);
  const second = tensor4d(both.dataSync().slice(32 * 64 * 2), [1, 32, 64, 2]);
  // Other matrix sizes sum in another order, hence not exactly.
  expect(run(network, second).logits).toBeAllClose(run(network, both).logits.slice(32 * 64 * 3), { absolute: 1e-5 });
  for (const disposable of [network, both, second]) disposable.dispose();
});

it("keeps its state: saved and loaded, it computes the same", () => {
  const [first, second] = [1, 2].map((seed) => new TransUNet(tiny, new Generator(seed))) as [TransUNet, TransUNet];
  const image = randomImage([1, 32, 32, 2]);
  tidy(() => first.forward(image, { training: true })); // moves the running statistics
  second.loadStateDict(first.stateDict());
  expect(run(second, image)).toEqual(run(first, image));
  for (const disposable of [first, second, image]) disposable.dispose();
});

describe("wrong inputs", () => {
  it.each([
    [[1, 32, 48, 2], /TransUNet.*32×48; pad the image to 32×64/],
    [[1, 32, 32, 3], /TransUNet: expected an image \[batch, height, width, 2\], got \[1,32,32,3\]/],
  ])("of shape %j are rejected", (shape, message) =>
    noLeak(() => {
      const network = new TransUNet(tiny, new Generator(1));
      const image = zeros(shape as never) as Tensor4D;
      expect(() => network.forward(image, { training: false })).toThrow(message);
      network.dispose();
      image.dispose();
    }),
  );

  it.each([
    [{ variant: "r50-vit-b32" }, /expected variant to be "r50-vit-b16" or "r50-vit-l16" or "small", got "r50-vit-b32"/],
    [{ hidenSize: 8 }, /no option "hidenSize"\. Did you mean "hiddenSize"\?/],
    [{ heads: 3 }, /expected hiddenSize to be a multiple of heads, got 8 channels for 3 heads/],
    [{ resnetUnits: [3, 4] }, /expected resnetUnits to be a list of 3 positive integers, got \[3,4\]/],
    [{ decoderChannels: [8, 8, 8, 0] }, /expected decoderChannels to be a list of 4 positive integers, got \[8,8,8,0\]/],
    [{ widthFactor: 0.3 }, /expected widthFactor to be a multiple of 1\/64.*got 0.3/],
    [{ widthFactor: 0 }, /expected widthFactor to be a positive number, got 0/],
    [{ skips: 4 }, /expected skips to be an integer in 0 … 3, got 4/],
    [{ imageSize: 100 }, /expected imageSize to be a positive multiple of 32, at most 4096, got 100/],
    [{ imageSize: 16384 }, /at most 4096, got 16384/],
  ])("options %j are rejected", (options, message) =>
    noLeak(() => {
      expect(() => new TransUNet({ ...tiny, ...(options as object) }, new Generator(1))).toThrow(message);
    }),
  );
});

it("learns to find discs: 20 steps halve the loss", () => {
  const network = new TransUNet({ ...tiny, imageChannels: 1, classes: 1, decoderChannels: [16, 8, 8, 8] }, new Generator(1));
  const losses = lossesOfTraining(network, 21, 1e-2);
  expect(losses[20]!).toBeLessThan(0.5 * losses[0]!);
  network.dispose();
});
