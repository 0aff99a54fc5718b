import { mul, sum, type Tensor, tensor, type Tensor3D, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import type { Module } from "../modules/module.ts";
import { valueAndGradients } from "../optimizers/gradients.ts";
import { Generator } from "../random.ts";
import { centralDifferences } from "../testing/expect-gradients.ts";
import { softmax } from "../testing/reference.ts";
import { BatchNorm } from "./batch-norm.ts";
import { Conv2d, ConvTranspose2x2 } from "./conv2d.ts";
import { GroupNorm, LayerNorm } from "./group-norm.ts";
import { Linear } from "./linear.ts";
import { mergeHeads, MultiHeadAttention, splitHeads } from "./multi-head-attention.ts";

beforeAll(useTestBackend);

const generator = (): Generator => new Generator("layers");

describe("BatchNorm", () => {
  it("moves its running statistics as PyTorch does, and uses them in evaluation", async () => {
    await noLeak(() => {
      const layer = new BatchNorm(2, { momentum: 0.25, epsilon: 0.5 });
      // Channel means 3 and −2; unbiased variances 20/3 and 4/3 of four rows.
      const batch = [0, -1, 2, -3, 4, -1, 6, -3];
      tidy(() => void layer.forward(tensor(batch, [2, 2, 2]), { training: true }));
      expect(layer.runningMean.dataSync()).toBeAllClose([0.75, -0.5], { absolute: 1e-6 });
      expect(layer.runningVariance.dataSync()).toBeAllClose([0.75 + 0.25 * (20 / 3), 0.75 + 0.25 * (4 / 3)], { absolute: 1e-6 });

      const state = layer.stateDict();
      tidy(() => {
        const output = layer.forward(tensor([1, 1], [1, 1, 2]), { training: false });
        const expected = [(1 - 0.75) / Math.sqrt(0.75 + 5 / 3 + 0.5), (1 + 0.5) / Math.sqrt(0.75 + 1 / 3 + 0.5)];
        expect(output.dataSync()).toBeAllClose(expected, { absolute: 1e-6 });
      });
      expect(layer.stateDict()).toEqual(state);
      layer.dispose();
    });
  });

  it("moves them to a constant distribution's statistics in the long run", () => {
    const layer = new BatchNorm(1);
    for (let i = 0; i < 100; i++) tidy(() => void layer.forward(tensor([4, 6, 8], [3, 1]), { training: true }));
    expect(layer.runningMean.dataSync()[0]).toBeCloseTo(6, 3);
    expect(layer.runningVariance.dataSync()[0]).toBeCloseTo(4, 3);
    layer.dispose();
  });

  it("has the parameter names and defaults of its kind", () => {
    const layer = new BatchNorm(3);
    expect([...layer.stateDict()].map(([name, { data }]) => [name, ...data])).toEqual([
      ["weight", 1, 1, 1],
      ["bias", 0, 0, 0],
      ["runningMean", 0, 0, 0],
      ["runningVariance", 1, 1, 1],
    ]);
    layer.dispose();
  });
});

it.each([
  [32, 32],
  [64, 32],
  [48, 16],
  [8, 8],
  [6, 2],
  [7, 1],
])("GroupNorm of %d channels has %d groups", (channels, groups) => {
  const layer = new GroupNorm(channels);
  expect(layer.groups).toBe(groups);
  layer.dispose();
});

describe("convolution layers", () => {
  it("keep the size by default with an odd kernel, and start in PyTorch's range", () => {
    const layer = new Conv2d({ inChannels: 4, outChannels: 2, kernelSize: 5 }, generator());
    expect(layer.weight.shape).toEqual([5, 5, 4, 2]);
    expect(Math.max(...layer.weight.dataSync().map(Math.abs))).toBeLessThanOrEqual(0.1);
    expect(Math.max(...layer.bias!.dataSync().map(Math.abs))).toBeLessThanOrEqual(0.1);
    tidy(() => expectShape(layer.forward(tensor(new Float32Array(140), [1, 5, 7, 4]) as Tensor4D), [1, 5, 7, 2]));
    layer.dispose();
  });

  it("cut patches with an even kernel", () => {
    const layer = new Conv2d({ inChannels: 1, outChannels: 3, kernelSize: 2, stride: 2, bias: false }, generator());
    expect(layer.bias).toBeUndefined();
    tidy(() => expectShape(layer.forward(tensor(new Float32Array(24), [1, 4, 6, 1]) as Tensor4D), [1, 2, 3, 3]));
    layer.dispose();
  });

  it("can start at zero", () => {
    const layer = new Conv2d({ inChannels: 2, outChannels: 2, initialization: "zero" }, generator());
    expect([...layer.stateDict().values()].every(({ data }) => data.every((value) => value === 0))).toBe(true);
    layer.dispose();
  });

  it("add the bias to every pixel", () => {
    const layer = new ConvTranspose2x2({ inChannels: 1, outChannels: 2 }, generator());
    tidy(() => {
      const output = layer.forward(tensor(new Float32Array(4), [1, 2, 2, 1]) as Tensor4D);
      expect(output.dataSync()).toBeAllClose(Array.from({ length: 32 }, (_, i) => layer.bias.dataSync()[i % 2]!), {});
    });
    layer.dispose();
  });
});

it("Linear maps the last axis", () => {
  const layer = new Linear({ inFeatures: 2, outFeatures: 3 }, generator());
  layer.loadStateDict(
    new Map([
      ["weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["bias", { shape: [3], data: Float32Array.of(0.5, 0, -1) }],
    ]),
  );
  tidy(() => {
    const output = layer.forward(tensor([1, 0, 0, 1, 1, 1, 2, -1], [2, 2, 2]));
    expectShape(output, [2, 2, 3]);
    expect([...output.dataSync()]).toEqual([1.5, 2, 2, 4.5, 5, 5, 5.5, 7, 8, -1.5, -1, -1]);
  });
  layer.dispose();
});

describe("MultiHeadAttention", () => {
  const [batch, tokens, others, channels, heads] = [2, 3, 4, 6, 2];
  const width = channels / heads;

  /** Loops over heads, queries and keys; `state` holds the layer's arrays. */
  function attention(state: ReadonlyMap<string, ArrayLike<number>>, query: Float64Array, context: Float64Array): Float64Array {
    const linear = (name: string, input: Float64Array): Float64Array =>
      input.map((_, index) => {
        const [row, out] = [Math.floor(index / channels), index % channels];
        let total = state.get(`${name}.bias`)![out]!;
        for (let c = 0; c < channels; c++) total += input[row * channels + c]! * state.get(`${name}.weight`)![c * channels + out]!;
        return total;
      });
    const [q, k, v] = [linear("query", query), linear("key", context), linear("value", context)];
    const mixed = q.map((_, index) => {
      const [b, token, head] = [Math.floor(index / channels / tokens), Math.floor(index / channels), Math.floor((index % channels) / width)];
      const scores = Float64Array.from({ length: others }, (_, other) => {
        let score = 0;
        for (let c = 0; c < width; c++) score += q[token * channels + head * width + c]! * k[(b * others + other) * channels + head * width + c]!;
        return score / Math.sqrt(width);
      });
      return softmax(scores, others).reduce((total, weight, other) => total + weight * v[(b * others + other) * channels + (index % channels)]!, 0);
    });
    return linear("output", mixed);
  }

  it("equals the loops, with all gradients", async () => {
    await noLeak(() => {
      const random = generator();
      const layer = new MultiHeadAttention({ channels, heads }, random);
      const query = random.uniformArray(batch * tokens * channels, -2, 2);
      const context = random.uniformArray(batch * others * channels, -2, 2);
      const weights = random.uniformArray(query.length, -1, 1);
      const parameters = layer.parameters();
      const names = parameters.map(({ name }) => name);
      const reference = (...values: Float64Array[]): Float64Array =>
        attention(new Map(names.map((name, index) => [name, values[index]!])), Float64Array.from(query), Float64Array.from(context));
      const values = names.map((name) => layer.stateDict().get(name)!.data);

      const forward = (): Tensor =>
        layer.forward(tensor(query, [batch, tokens, channels]) as Tensor3D, tensor(context, [batch, others, channels]) as Tensor3D);
      tidy(() => {
        expect(forward().dataSync()).toBeAllClose(reference(...values.map((value) => Float64Array.from(value))), { absolute: 2e-5 });
      });
      const { gradients } = valueAndGradients(() => sum(mul(forward(), tensor(weights, [batch, tokens, channels]))), parameters);
      const expected = centralDifferences((...x) => reference(...x).reduce((total, value, index) => total + value * weights[index]!, 0), values);
      expected.forEach((slopes, index) => {
        expect(gradients[index]!, names[index]).toBeAllClose(slopes, { absolute: 5e-5 });
      });
      layer.dispose();
    });
  });

  it("attends to its own tokens by default", () => {
    const layer = new MultiHeadAttention({ channels, heads }, generator());
    tidy(() => {
      const input = tensor(generator().uniformArray(batch * tokens * channels), [batch, tokens, channels]) as Tensor3D;
      expect(layer.forward(input).dataSync()).toEqual(layer.forward(input, input).dataSync());
    });
    layer.dispose();
  });

  it("splits channels into contiguous heads and merges them again", () => {
    tidy(() => {
      const input = tensor(Array.from({ length: 12 }, (_, i) => i), [1, 2, 6]);
      const split = splitHeads(input, 3);
      expectShape(split, [3, 2, 2]);
      expect([...split.dataSync()]).toEqual([0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
      expect(mergeHeads(split, 3).dataSync()).toEqual(input.dataSync());
    });
  });

  it("refuses heads that do not divide the channels", () => {
    expect(() => new MultiHeadAttention({ channels: 6, heads: 4 }, generator())).toThrow("6 channels cannot be divided among 4 heads");
  });
});

describe("no layer leaves tensors behind", () => {
  const image = (): Tensor4D => tensor(generator().normalArray(256), [2, 4, 4, 8]) as Tensor4D;
  const rows = (): Tensor3D => tensor(generator().normalArray(48), [2, 3, 8]) as Tensor3D;
  const layers: [name: string, make: () => Module & { forward: unknown }, run: (module: never) => Tensor][] = [
    ["Conv2d", () => new Conv2d({ inChannels: 8, outChannels: 3, stride: 2 }, generator()), (m: Conv2d) => m.forward(image())],
    ["ConvTranspose2x2", () => new ConvTranspose2x2({ inChannels: 8, outChannels: 3 }, generator()), (m: ConvTranspose2x2) => m.forward(image())],
    ["Linear", () => new Linear({ inFeatures: 8, outFeatures: 2 }, generator()), (m: Linear) => m.forward(rows())],
    ["BatchNorm, training", () => new BatchNorm(8), (m: BatchNorm) => m.forward(image(), { training: true })],
    ["BatchNorm, evaluation", () => new BatchNorm(8), (m: BatchNorm) => m.forward(image(), { training: false })],
    ["GroupNorm", () => new GroupNorm(8, { groups: 2, activation: "silu" }), (m: GroupNorm) => m.forward(image())],
    ["LayerNorm", () => new LayerNorm(8), (m: LayerNorm) => m.forward(rows())],
    ["MultiHeadAttention", () => new MultiHeadAttention({ channels: 8, heads: 2 }, generator()), (m: MultiHeadAttention) => m.forward(rows())],
  ];
  it.each(layers)("%s", async (_name, make, run) => {
    await noLeak(async () => {
      const layer = make();
      await noLeak(() => tidy(() => void run(layer as never)));
      await noLeak(() => {
        const { value, gradients } = valueAndGradients(() => sum(mul(run(layer as never), 0.5)), layer.parameters());
        expect(Number.isFinite(value)).toBe(true);
        expect(gradients.map(({ length }) => length)).toEqual(layer.parameters().map(({ variable }) => variable.size));
      });
      layer.dispose();
    });
  });
});

function expectShape(received: Tensor, shape: number[]): void {
  expect(received.shape).toEqual(shape);
}
