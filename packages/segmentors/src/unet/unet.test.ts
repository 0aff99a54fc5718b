import {
  avgPool2,
  countParameters,
  Generator,
  mul,
  type Scalar,
  sum,
  type Tensor4D,
  tensor4d,
  tidy,
  valueAndGradients,
  zeros,
} from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { lossesOfTraining } from "../testing/segmentor-checks.ts";
import { UNet, type UNetOptions } from "./unet.ts";

beforeAll(useTestBackend);

const evaluation = { training: false };
const training = { training: true };

function randomImage(shape: [number, number, number, number], seed: number = 3): Tensor4D {
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor4d(new Generator(seed).uniformArray(size, -1, 1), shape);
}

function values(tensor: Tensor4D): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

/** Logits and features of `image`, on the host. */
function run(network: UNet, image: Tensor4D): { logits: Float32Array; features: Float32Array[] } {
  let result: { logits: Float32Array; features: Float32Array[] } | undefined;
  tidy(() => {
    const { logits, features } = network.forward(image, evaluation);
    result = { logits: values(logits), features: features.map(values) };
  });
  return result!;
}

const combinations = (["batch", "group", "none"] as const).flatMap((norm) =>
  (["transposed", "bilinear"] as const).flatMap((up) => [1, 2, 3, 4, 5].map((depth) => ({ norm, up, depth }))),
);

describe.each(combinations)("U-Net with $norm normalization, $up up-sampling, depth $depth", (options) => {
  it("gives logits and feature maps of the declared shapes in both modes, and every parameter a gradient", () =>
    noLeak(() => {
      const network = new UNet({ imageChannels: 2, classes: 3, baseWidth: 4, ...options }, new Generator(1));
      const image = randomImage([2, 32, 64, 2]);
      for (const mode of [evaluation, training]) {
        const { logits, features } = network.forward(image, mode);
        expect(logits.shape).toEqual([2, 32, 64, 3]);
        expect(features.map((feature) => feature.shape)).toEqual(
          [4, 8, 16, 32].map((stride, index) => [2, 32 / stride, 64 / stride, network.featureChannels[index]]),
        );
        logits.dispose();
        for (const feature of features) feature.dispose();
      }
      const parameters = network.parameters();
      const weight = randomImage([2, 32, 64, 3], 4);
      const { value, gradients } = valueAndGradients(
        () => sum(mul(network.forward(image, training).logits, weight)) as Scalar,
        parameters,
      );
      expect(value).not.toBe(0);
      const unreached = parameters.filter((_, index) => !gradients[index]!.some((slope) => slope !== 0));
      expect(unreached.map(({ name }) => name)).toEqual([]);
      expect(gradients.every((gradient) => gradient.every(Number.isFinite))).toBe(true);
      for (const disposable of [network, image, weight]) disposable.dispose();
    }));
});

describe("widths", () => {
  const shapesOf = (options: UNetOptions): Record<string, readonly number[]> => {
    const network = new UNet(options, new Generator(1));
    const shapes = Object.fromEntries(network.parameters().map(({ name, variable }) => [name, variable.shape]));
    network.dispose();
    return shapes;
  };

  it("of the bilinear variant are the published ones, a 16th of them", () => {
    const shapes = shapesOf({ imageChannels: 3, classes: 2, baseWidth: 4, up: "bilinear" });
    const convolutions = Object.entries(shapes).filter(([, shape]) => shape.length === 4);
    // In and out channels of the published network's convolutions, in the order of its state (width 64, here 4).
    const published = [
      [48, 64], [64, 64], [64, 128], [128, 128], [128, 256], [256, 256], [256, 512], [512, 512], [512, 512], [512, 512],
      [1024, 512], [512, 256], [512, 256], [256, 128], [256, 128], [128, 64], [128, 64], [64, 64], [64, 32],
    ]; // prettier-ignore
    expect(convolutions.map(([, shape]) => shape.slice(2))).toEqual(published.map((pair) => pair.map((channels) => channels / 16)));
  });

  it("have a convolution bias except before batch normalization", () => {
    for (const norm of ["batch", "group", "none"] as const) {
      const names = Object.keys(shapesOf({ imageChannels: 1, classes: 1, baseWidth: 2, depth: 1, norm }));
      expect(names.includes("encoder.0.conv1.bias")).toBe(norm !== "batch");
      expect(names.includes("encoder.0.norm1.weight")).toBe(norm !== "none");
    }
  });

  it("are declared for every depth", () => {
    const channels = (depth: number, up: "transposed" | "bilinear"): readonly number[] => {
      const network = new UNet({ imageChannels: 1, classes: 1, baseWidth: 2, depth, up }, new Generator(1));
      const { featureChannels } = network;
      network.dispose();
      return featureChannels;
    };
    expect(channels(5, "transposed")).toEqual([8, 16, 32, 64]);
    expect(channels(4, "transposed")).toEqual([8, 16, 32, 32]);
    expect(channels(3, "transposed")).toEqual([8, 16, 16, 16]);
    expect(channels(4, "bilinear")).toEqual([4, 8, 16, 16]);
    expect(channels(1, "transposed")).toEqual([4, 4, 4, 4]);
  });
});

describe("feature maps", () => {
  const pooled = (map: Float32Array, shape: [number, number, number, number]): Float32Array =>
    values(avgPool2(tensor4d(map, shape)) as Tensor4D);

  it("come from the decoder above the deepest level, from the encoder there, and are averages below", async () => {
    for (const depth of [2, 3, 4, 5]) {
      const network = new UNet({ imageChannels: 1, classes: 1, baseWidth: 2, depth }, new Generator(1));
      const image = randomImage([1, 64, 64, 1]);
      const before = run(network, image);
      // A decoder without effect changes exactly the maps that it makes.
      const state = network.stateDict();
      for (const [name, { shape, data }] of state) {
        if (name.startsWith("decoder.") && name.endsWith("weight")) state.set(name, { shape, data: data.map(() => 0) });
      }
      network.loadStateDict(state);
      const after = run(network, image);
      [2, 3, 4, 5].forEach((level, index) => {
        const unchanged = before.features[index]!.every((value, i) => value === after.features[index]![i]);
        expect(unchanged, `depth ${depth}, stride ${2 ** level}`).toBe(level >= depth);
        if (level > depth) {
          const side = 64 / 2 ** (level - 1);
          tidy(() => {
            const mean = pooled(before.features[index - 1]!, [1, side, side, network.featureChannels[index - 1]!]);
            expect(before.features[index]!).toBeAllClose(mean, { absolute: 1e-6 });
          });
        }
      });
      network.dispose();
      image.dispose();
    }
  });
});

it("bilinear up-sampling keeps the corners in place, and its map stands behind the skip in the concat", () => {
  const network = new UNet({ imageChannels: 1, classes: 1, baseWidth: 2, depth: 1, norm: "none", up: "bilinear" }, new Generator(1));
  // Each convolution passes on its first channel alone; the decoder's first one that of the map from below, its third.
  const state = network.stateDict();
  for (const [name, { shape, data }] of state) {
    const result = new Float32Array(data.length);
    if (name.endsWith("weight")) {
      const [height, width, inChannels, outChannels] = shape as [number, number, number, number];
      const centre = Math.floor((height * width) / 2);
      const from = name === "decoder.0.conv.conv1.weight" ? 2 : 0;
      result[(centre * inChannels + from) * outChannels] = 1;
    }
    state.set(name, { shape, data: result });
  }
  network.loadStateDict(state);
  const size = 32;
  const image = tensor4d(new Generator(5).uniformArray(size * size), [1, size, size, 1]); // ≥ 0, so that ReLU passes it
  const pixels = values(image);
  const maximum = (row: number, column: number): number =>
    Math.max(...[0, 1, size, size + 1].map((offset) => pixels[2 * row * size + 2 * column + offset]!));
  const interpolate = (position: number, at: (index: number) => number): number => {
    const first = Math.min(Math.floor(position), size / 2 - 2);
    return at(first) * (first + 1 - position) + at(first + 1) * (position - first);
  };
  const scale = (size / 2 - 1) / (size - 1);
  const expected = Array.from({ length: size * size }, (_, i) =>
    interpolate(Math.floor(i / size) * scale, (row) => interpolate((i % size) * scale, (column) => maximum(row, column))),
  );
  expect(run(network, image).logits).toBeAllClose(expected, { absolute: 1e-6 });
  network.dispose();
  image.dispose();
});

describe("inputs", () => {
  it.each([
    [[1, 32, 33, 3], /32×33; pad the image to 32×64/],
    [[1, 500, 584, 3], /500×584; pad the image to 512×608/],
    [[1, 0, 32, 3], /0×32; pad the image to 32×32/],
    [[1, 32, 32, 1], /expected an image \[batch, height, width, 3\], got \[1,32,32,1\]/],
    [[32, 32, 3], /got \[32,32,3\]/],
  ])("of shape %j are rejected", (shape, message) =>
    noLeak(() => {
      const network = new UNet({ imageChannels: 3, classes: 1, baseWidth: 2, depth: 1 }, new Generator(1));
      const image = zeros(shape as never) as Tensor4D;
      expect(() => network.forward(image, evaluation)).toThrow(message);
      network.dispose();
      image.dispose();
    }),
  );

  it("of a batch are independent in evaluation mode", () => {
    const network = new UNet({ imageChannels: 1, classes: 2, baseWidth: 2, depth: 3, up: "bilinear" }, new Generator(1));
    const both = randomImage([2, 32, 32, 1]);
    const second = tensor4d(values(both).slice(32 * 32), [1, 32, 32, 1]);
    // Other matrix sizes sum in another order, hence not exactly.
    expect(run(network, second).logits).toBeAllClose(run(network, both).logits.slice(32 * 32 * 2), { absolute: 1e-5 });
    for (const disposable of [network, both, second]) disposable.dispose();
  });
});

it("keeps its state: saved and loaded, it computes the same", () => {
  const options: UNetOptions = { imageChannels: 1, classes: 1, baseWidth: 2, depth: 2 };
  const [first, second] = [1, 2].map((seed) => new UNet(options, new Generator(seed))) as [UNet, UNet];
  const image = randomImage([1, 32, 32, 1]);
  tidy(() => first.forward(image, training)); // moves the running statistics
  second.loadStateDict(first.stateDict());
  expect(run(second, image).logits).toEqual(run(first, image).logits);
  expect(run(first, image).logits).toEqual(run(first, image).logits); // evaluation changes nothing
  for (const disposable of [first, second, image]) disposable.dispose();
});

it("learns to find discs: 20 steps halve the loss", () => {
  const network = new UNet({ imageChannels: 1, classes: 1, baseWidth: 4, depth: 2 }, new Generator(1));
  expect(countParameters(network)).toBeLessThan(10_000);
  const losses = lossesOfTraining(network, 21, 1e-2);
  expect(losses[20]!).toBeLessThan(0.5 * losses[0]!);
  network.dispose();
});
