import { countParameters, Generator, tensor4d, tidy } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../../test/backend.ts";
import { createSegmentor } from "../registry.ts";
import { expectDeclaredShapes, lossesOfTraining, randomImage, unreachedParameters } from "../testing/segmentor-checks.ts";
import { SwinBlock } from "./swin-block.ts";
import { SwinUNet, type SwinUNetOptions } from "./swin-unet.ts";

beforeAll(useTestBackend);

const small: SwinUNetOptions = {
  imageChannels: 2,
  classes: 3,
  embedDimension: 4,
  heads: [1, 1, 2, 4],
  window: 4,
  mlpRatio: 2,
};

it.each([
  ["windows that divide some maps", 4, 64, 96],
  ["windows that divide no map", 5, 96, 64],
  ["windows larger than all maps", 32, 64, 64],
  ["the default window", 7, 64, 64],
])("has outputs of the declared shapes, and every parameter a gradient, with %s", (_what, window, height, width) =>
  noLeak(() => {
    const network = new SwinUNet({ ...small, window }, new Generator(1));
    expect(network.featureChannels).toEqual([4, 8, 16, 32]);
    expectDeclaredShapes(network, [2, height, width]);
    expect(unreachedParameters(network, [2, height, width])).toEqual([]);
    network.dispose();
  }),
);

it("takes the smallest image, whose deepest map is one token", () =>
  noLeak(() => {
    const network = new SwinUNet(small, new Generator(1));
    expectDeclaredShapes(network, [1, 32, 32]);
    expect(unreachedParameters(network, [1, 32, 32])).toEqual(
      [0, 1].map((block) => `encoder.3.blocks.${block}.attention.relativePositionBiasTable`),
    );
    network.dispose();
  }));

it("attends within shifted windows only: a token changes its own part of the map and no other", () =>
  noLeak(() => {
    const [height, width, window] = [6, 8, 4];
    const options = { channels: 4, heads: 2, window, mlpRatio: 2, shifted: true };
    const block = new SwinBlock(options, new Generator(1));
    // The parts along an axis, before the roll: 0 1 | 2 3 4 5 | 6 7. The rows are padded from 6 to 8.
    const part = (position: number): number => Math.floor((position + window / 2) / window);
    const run = (values: Float32Array): Float32Array =>
      tidy(() => Float32Array.from(block.forward(tensor4d(values, [1, height, width, 4])).dataSync()));
    const values = new Generator(2).uniformArray(height * width * 4, -1, 1);
    const before = run(values);
    for (let token = 0; token < height * width; token++) {
      const changed = values.map((value, index) => (Math.floor(index / 4) === token ? -value : value));
      const after = run(changed);
      const isChanged = (other: number): boolean => [0, 1, 2, 3].some((c) => before[4 * other + c] !== after[4 * other + c]);
      const isNear = (other: number): boolean =>
        part(Math.floor(other / width)) === part(Math.floor(token / width)) && part(other % width) === part(token % width);
      const tokens = Array.from({ length: height * width }, (_, other) => other);
      expect(tokens.filter(isChanged), `token ${token}`).toEqual(tokens.filter(isNear));
    }
    block.dispose();
  }));

it("starts as the published network: small normal weights, zero biases, 27 million parameters by default", () =>
  noLeak(() => {
    const network = createSegmentor("swin-unet", { imageChannels: 1, classes: 9 }, new Generator(1)) as SwinUNet;
    expect(network.options).toEqual({
      imageChannels: 1,
      classes: 9,
      embedDimension: 96,
      depths: [2, 2, 2, 2],
      decoderDepths: [1, 2, 2, 2],
      heads: [3, 6, 12, 24],
      window: 7,
      mlpRatio: 4,
    });
    expect(countParameters(network)).toBe(27_168_900); // counted in PyTorch
    const data = (name: string): Float32Array => {
      const { variable } = network.parameters().find((parameter) => parameter.name === name)!;
      return variable.dataSync() as Float32Array;
    };
    const weights = data("encoder.2.blocks.1.attention.qkv.weight"); // 384 · 1152 values: a deviation within 0.5 %
    const deviation = Math.sqrt(weights.reduce((total, value) => total + value * value, 0) / weights.length);
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.005);
    expect(data("encoder.2.blocks.1.attention.qkv.bias").every((value) => value === 0)).toBe(true);
    expect(data("decoder.1.blocks.0.norm2.weight").every((value) => value === 1)).toBe(true);
    network.dispose();
  }));

it("has as many blocks as the depths say", () => {
  const options = { ...small, depths: [1, 2, 3, 1], decoderDepths: [1, 3, 1, 2] };
  const network = new SwinUNet(options, new Generator(1));
  const blocks = network.parameters().flatMap(({ name }) => /^(.*\.blocks)\.\d+\.norm1\.weight$/.exec(name)?.[1] ?? []);
  const counts = Object.fromEntries(blocks.map((stage) => [stage, blocks.filter((other) => other === stage).length]));
  expect(counts).toEqual({
    "encoder.0.blocks": 1,
    "encoder.1.blocks": 2,
    "encoder.2.blocks": 3,
    "encoder.3.blocks": 1,
    "decoder.0.blocks": 3,
    "decoder.1.blocks": 1,
    "decoder.2.blocks": 2,
  });
  network.dispose();
});

it.each([
  [{ heads: [3, 1, 2, 4] }, /expected each of heads to divide its stage's channels 4, 8, 16, 32, got 3, 1, 2, 4; choose/],
  [{ depths: [2, 2, 2] }, /expected depths to be a list of 4 positive integers, got \[2,2,2\]/],
  [{ decoderDepths: [1, 2, 2, 0] }, /expected decoderDepths to be a list of 4 positive integers, got \[1,2,2,0\]/],
  [{ window: 0 }, /expected window to be a positive integer, got 0/],
  [{ windows: 7 }, /there is no option "windows"\. Did you mean "window"\?/],
])("rejects the options %j", (options, message) =>
  noLeak(() => {
    const create = (): unknown => new SwinUNet({ ...small, ...options }, new Generator(1));
    expect(create).toThrow(message);
    expect(create).toThrow(expect.objectContaining({ code: "segmentor.option" }));
  }),
);

it("rejects images of other shapes", () =>
  noLeak(() => {
    const network = new SwinUNet(small, new Generator(1));
    tidy(() => {
      const forward = (height: number, width: number, channels: number) => (): unknown =>
        network.forward(randomImage([1, height, width, channels]), { training: false });
      expect(forward(48, 64, 2)).toThrow("SwinUNet: expected height and width to be multiples of 32, got 48×64; pad the image");
      expect(forward(32, 32, 1)).toThrow("SwinUNet: expected an image [batch, height, width, 2], got [1,32,32,1]");
      expect(forward(32, 32, 1)).toThrow(expect.objectContaining({ code: "segmentor.image" }));
    });
    network.dispose();
  }));

it("learns to segment discs", () =>
  noLeak(() => {
    const network = new SwinUNet({ ...small, imageChannels: 1, classes: 1, embedDimension: 8 }, new Generator(1));
    const losses = lossesOfTraining(network, 21, 1e-2);
    expect(losses[20]!).toBeLessThan(0.5 * losses[0]!);
    network.dispose();
  }));
