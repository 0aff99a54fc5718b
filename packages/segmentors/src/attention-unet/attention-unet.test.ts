import { countParameters, Generator, type Tensor4D, zeros } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { createSegmentor } from "../registry.ts";
import { expectDeclaredShapes, lossesOfTraining, randomImage, run, unreachedParameters } from "../testing/segmentor-checks.ts";
import { AttentionGate } from "./attention-gate.ts";
import { AttentionUNet } from "./attention-unet.ts";

beforeAll(useTestBackend);

const small = { imageChannels: 3, classes: 2, baseWidth: 4 } as const;

it("gives logits and feature maps of the declared shapes, and every parameter a gradient", () =>
  noLeak(() => {
    const network = createSegmentor("attention-unet", small, new Generator(1));
    expect(network).toBeInstanceOf(AttentionUNet);
    expect(network.featureChannels).toEqual([16, 32, 64, 64]);
    expectDeclaredShapes(network, [2, 32, 64]);
    // A bias before a normalization has no gradient but for rounding.
    expect(unreachedParameters(network, [2, 32, 64]).filter((name) => !/conv\d?\.bias$/.test(name))).toEqual([]);
    network.dispose();
  }));

it("has the published number of parameters", () => {
  const network = new AttentionUNet(small, new Generator(1));
  expect(countParameters(network)).toBe(137_768); // counted in PyTorch
  network.dispose();
});

describe("the attention gate", () => {
  it("scales every pixel of the skip by one number in (0, 1), which depends on both maps", () =>
    noLeak(() => {
      const gate = new AttentionGate({ channels: 4, innerChannels: 2 }, new Generator(1));
      const [gating, skip, other] = [1, 2, 3].map((seed) => randomImage([1, 4, 4, 4], seed)) as [Tensor4D, Tensor4D, Tensor4D];
      const factors = (gatingSignal: Tensor4D, gated: Tensor4D): number[] => {
        const output = gate.forward(gatingSignal, gated, { training: true });
        const before = gated.dataSync();
        const result = Array.from(output.dataSync(), (value, i) => value / before[i]!);
        output.dispose();
        return result;
      };
      const plain = factors(gating, skip);
      const firstOfPixel = plain.map((_, i) => plain[i - (i % 4)]!);
      expect(plain).toBeAllClose(firstOfPixel, { relative: 1e-6 });
      expect(Math.min(...plain)).toBeGreaterThan(0);
      expect(Math.max(...plain)).toBeLessThan(1);
      expect(new Set(firstOfPixel.map((factor) => factor.toFixed(4))).size).toBeGreaterThan(4);
      expect(factors(other, skip)).not.toEqual(plain);
      expect(factors(gating, other)).not.toEqual(plain);
      for (const disposable of [gate, gating, skip, other]) disposable.dispose();
    }));
});

it("keeps its state: saved and loaded, it computes the same", () => {
  const [first, second] = [1, 2].map((seed) => new AttentionUNet(small, new Generator(seed))) as [AttentionUNet, AttentionUNet];
  const image = randomImage([1, 32, 32, 3]);
  expect(run(second, image).logits).not.toEqual(run(first, image).logits);
  second.loadStateDict(first.stateDict());
  expect(run(second, image)).toEqual(run(first, image));
  for (const disposable of [first, second, image]) disposable.dispose();
});

it("rejects images of other sides or channels", () =>
  noLeak(() => {
    const network = new AttentionUNet(small, new Generator(1));
    const forward = (shape: [number, number, number, number]) => (): unknown => {
      const image = zeros(shape) as Tensor4D;
      try {
        return network.forward(image, { training: false });
      } finally {
        image.dispose();
      }
    };
    expect(forward([1, 32, 48, 3])).toThrow(/AttentionUNet: .*32×48; pad the image to 32×64/);
    expect(forward([1, 32, 32, 1])).toThrow(/AttentionUNet: expected an image \[batch, height, width, 3\]/);
    network.dispose();
  }));

it.each([
  [{ ...small, baseWidth: 5 }, /AttentionUNet: expected baseWidth to be a positive multiple of 2, got 5/],
  [{ ...small, baseWidth: 0 }, /expected baseWidth to be a positive multiple of 2, got 0/],
  [{ ...small, depth: 4 }, /there is no option "depth"/],
  [{ classes: 1 }, /expected imageChannels/],
])("rejects the options %j", (options, message) =>
  noLeak(() => {
    expect(() => new AttentionUNet(options as never, new Generator(1))).toThrow(message);
  }),
);

it("learns to find discs: 15 steps reduce the loss by a third", () => {
  const network = new AttentionUNet({ imageChannels: 1, classes: 1, baseWidth: 4 }, new Generator(1));
  const losses = lossesOfTraining(network, 16, 1e-2);
  expect(losses[15]!).toBeLessThan(0.67 * losses[0]!);
  network.dispose();
});
