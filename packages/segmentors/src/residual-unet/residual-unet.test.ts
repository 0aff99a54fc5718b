import { avgPool2, countParameters, Generator, type Tensor4D, tensor4d, tidy, zeros } from "@hidiff/core-tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import "../../../../test/matchers.ts";
import { createSegmentor } from "../registry.ts";
import { expectDeclaredShapes, lossesOfTraining, randomImage, run, unreachedParameters } from "../testing/segmentor-checks.ts";
import { planResidualUNet } from "./plan.ts";
import { ResidualUNet } from "./residual-unet.ts";

beforeAll(useTestBackend);

const small = { imageChannels: 2, classes: 3, baseWidth: 4, maximumWidth: 32 } as const;

describe.each([
  // Numbers of parameters were counted in dynamic-network-architectures' ResidualEncoderUNet.
  { stages: 3, featureChannels: [16, 16, 16, 16], parameters: 23_750 },
  { stages: 4, featureChannels: [16, 32, 32, 32], parameters: 138_233 },
  { stages: 6, featureChannels: [16, 32, 32, 32], parameters: 407_231 },
  { stages: 8, featureChannels: [16, 32, 32, 32], parameters: 676_229 },
])("a residual U-Net of $stages stages", ({ stages, featureChannels, parameters }) => {
  const unit = Math.max(32, 2 ** (stages - 1));

  it("has the published number of parameters and the declared shapes", () =>
    noLeak(() => {
      const network = createSegmentor("residual-unet", { ...small, stages }, new Generator(1));
      expect(network).toBeInstanceOf(ResidualUNet);
      expect(countParameters(network)).toBe(parameters);
      expect(network.featureChannels).toEqual(featureChannels);
      expectDeclaredShapes(network, [1, unit, 2 * unit]);
      network.dispose();
    }));

  it("has logits at strides 2, 4, … in training mode alone, if it is told so", () =>
    noLeak(() => {
      for (const deepSupervision of [true, false]) {
        const network = new ResidualUNet({ ...small, stages, deepSupervision }, new Generator(1));
        const image = randomImage([1, unit, unit, 2]);
        tidy(() => {
          const strides = Array.from({ length: stages - 2 }, (_, index) => 2 ** (index + 1));
          const shapes = network.forward(image, { training: true }).deepSupervision?.map(({ shape }) => shape);
          expect(shapes).toEqual(deepSupervision ? strides.map((stride) => [1, unit / stride, unit / stride, 3]) : undefined);
          expect(network.forward(image, { training: false }).deepSupervision).toBeUndefined();
        });
        network.dispose();
        image.dispose();
      }
    }));
});

it("gives every parameter a gradient by the logits of all strides", () => {
  const network = new ResidualUNet({ ...small, stages: 5, blocks: [1, 1, 2, 1, 1] }, new Generator(1));
  // A bias before a normalization has no gradient but for rounding.
  expect(unreachedParameters(network, [1, 64, 64]).filter((name) => !name.endsWith("conv.bias"))).toEqual([]);
  network.dispose();
});

it("has the given number of blocks in each stage", () => {
  const network = new ResidualUNet({ ...small, stages: 3, blocks: [2, 1, 3] }, new Generator(1));
  const blocks = network.parameters().flatMap(({ name }) => /^encoder\.(\d\.\d)\.conv1\.conv\.weight$/.exec(name)?.[1] ?? []);
  expect(blocks).toEqual(["0.0", "0.1", "1.0", "2.0", "2.1", "2.2"]);
  network.dispose();
});

it("takes feature maps from the decoder, from the encoder at the deepest stage, and averages below", () => {
  for (const stages of [3, 5, 6, 7]) {
    const side = Math.max(32, 2 ** (stages - 1));
    const network = new ResidualUNet({ ...small, stages, blocks: new Array<number>(stages).fill(1) }, new Generator(1));
    const image = randomImage([1, side, side, 2]);
    const before = run(network, image);
    // A decoder without effect changes exactly the maps that it makes.
    const state = network.stateDict();
    for (const [name, { shape, data }] of state) {
      if (name.startsWith("decoder.")) state.set(name, { shape, data: data.map(() => 0) });
    }
    network.loadStateDict(state);
    const after = run(network, image);
    [2, 3, 4, 5].forEach((level, index) => {
      const unchanged = before.features[index]!.every((value, i) => value === after.features[index]![i]);
      expect(unchanged, `${stages} stages, stride ${2 ** level}`).toBe(level >= stages - 1);
      if (level >= stages) {
        tidy(() => {
          const above = side / 2 ** (level - 1);
          const map = tensor4d(before.features[index - 1]!, [1, above, above, network.featureChannels[index - 1]!]);
          expect(before.features[index]!).toBeAllClose(avgPool2(map).dataSync(), { absolute: 1e-6 });
        });
      }
    });
    network.dispose();
    image.dispose();
  }
});

it("normalizes every image on its own: an image's logits do not depend on the batch or the mode", () => {
  const network = new ResidualUNet({ ...small, stages: 3 }, new Generator(1));
  const both = randomImage([2, 32, 32, 2]);
  const second = tensor4d(Float32Array.from(both.dataSync()).slice(32 * 32 * 2), [1, 32, 32, 2]);
  const alone = run(network, second).logits;
  // Other matrix sizes sum in another order, hence not exactly.
  expect(alone).toBeAllClose(run(network, both).logits.slice(32 * 32 * 3), { absolute: 1e-5 });
  tidy(() => {
    expect(network.forward(second, { training: true }).logits.dataSync()).toEqual(alone);
  });
  for (const disposable of [network, both, second]) disposable.dispose();
});

it("keeps its state: saved and loaded, it computes the same", () => {
  const [first, second] = [1, 2].map((seed) => new ResidualUNet({ ...small, stages: 4 }, new Generator(seed))) as [ResidualUNet, ResidualUNet];
  const image = randomImage([1, 32, 32, 2]);
  expect(run(second, image).logits).not.toEqual(run(first, image).logits);
  second.loadStateDict(first.stateDict());
  expect(run(second, image)).toEqual(run(first, image));
  for (const disposable of [first, second, image]) disposable.dispose();
});

it.each([
  [4, [1, 32, 48, 2], /ResidualUNet: .* multiples of 32, got 32×48; pad the image to 32×64/],
  [7, [1, 96, 64, 2], /ResidualUNet: .* multiples of 64, got 96×64; pad the image to 128×64/],
  [4, [1, 32, 32, 1], /expected an image \[batch, height, width, 2\]/],
] as const)("of %i stages rejects an image %j", (stages, shape, message) =>
  noLeak(() => {
    const network = new ResidualUNet({ ...small, stages }, new Generator(1));
    const image = zeros([...shape]) as Tensor4D;
    expect(() => network.forward(image, { training: false })).toThrow(message);
    network.dispose();
    image.dispose();
  }),
);

it.each([
  [{ stages: 2 }, /expected stages to be an integer in 3 … 8, got 2/],
  [{ stages: 9 }, /expected stages to be an integer in 3 … 8, got 9/],
  [{ stages: 4, blocks: [1, 2, 2] }, /expected blocks to have one number for each of the 4 stages, got \[1,2,2\]/],
  [{ blocks: [1, 2, 2, 0, 1, 1] }, /expected blocks to be a list of positive integers, got \[1,2,2,0,1,1\]/],
  [{ blocks: 2 }, /expected blocks to be a list of positive integers, got 2/],
  [{ maximumWidth: 0 }, /expected maximumWidth to be a positive integer, got 0/],
  [{ deepSupervision: 1 }, /expected deepSupervision to be true or false, got 1/],
  [{ norm: "batch" }, /there is no option "norm"/],
])("rejects the options %j", (options, message) =>
  noLeak(() => {
    expect(() => new ResidualUNet({ ...small, ...options } as never, new Generator(1))).toThrow(message);
  }),
);

it("learns to find discs by deep supervision: 10 steps reduce the loss by a third", () => {
  const network = new ResidualUNet({ imageChannels: 1, classes: 1, stages: 4, baseWidth: 4, blocks: [1, 1, 1, 1] }, new Generator(1));
  const losses = lossesOfTraining(network, 11, 1e-2);
  expect(losses[10]!).toBeLessThan(0.67 * losses[0]!);
  network.dispose();
});

describe("planResidualUNet", () => {
  it.each([
    [[512, 512], 8, [1, 3, 4, 6, 6, 6, 6, 6]], // 4×4
    [[256, 256], 7, [1, 3, 4, 6, 6, 6, 6]],
    [[224, 224], 6, [1, 3, 4, 6, 6, 6]], // 7×7
    [[250, 600], 7, [1, 3, 4, 6, 6, 6, 6]], // padded to 256
    [[64, 512], 5, [1, 3, 4, 6, 6]],
    [[2048, 2048], 8, [1, 3, 4, 6, 6, 6, 6, 6]],
    [[8, 8], 3, [1, 3, 4]],
  ] as const)("of %j: %i stages", (imageSize, stages, blocks) => {
    expect(planResidualUNet({ imageSize })).toEqual({ stages, baseWidth: 32, maximumWidth: 512, blocks });
  });

  it("rejects sizes that are none", () => {
    for (const imageSize of [[0, 32], [32.5, 32], [32]]) {
      expect(() => planResidualUNet({ imageSize: imageSize as never })).toThrow(/planResidualUNet: expected imageSize to be \[height, width\]/);
    }
  });

  it("gives options that the network takes", () =>
    noLeak(() => {
      const plan = planResidualUNet({ imageSize: [32, 40] });
      const network = new ResidualUNet({ imageChannels: 1, classes: 1, ...plan, baseWidth: 2 }, new Generator(1));
      expect(network.options).toEqual({ imageChannels: 1, classes: 1, stages: 4, baseWidth: 2, maximumWidth: 512, blocks: [1, 3, 4, 6], deepSupervision: true });
      network.dispose();
    }));
});
