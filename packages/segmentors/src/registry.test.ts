import { Generator } from "@hidiff/core-tensor";
import { beforeAll, expect, it } from "vitest";
import { noLeak, useTestBackend } from "../../../test/backend.ts";
import { createSegmentor, registerSegmentor, segmentorNames, type SegmentorOptions } from "./registry.ts";
import { UNet } from "./unet/unet.ts";

beforeAll(useTestBackend);

const small: SegmentorOptions = { imageChannels: 1, classes: 1, baseWidth: 2, depth: 1 };

it("makes a U-Net by name, the same one from the same seed", () =>
  noLeak(() => {
    expect(segmentorNames()).toContain("unet");
    const [first, second, other] = [5, 5, 6].map((seed) => createSegmentor("unet", small, new Generator(seed))) as [UNet, UNet, UNet];
    expect(first).toBeInstanceOf(UNet);
    expect([...first.stateDict()]).toEqual([...second.stateDict()]);
    expect([...first.stateDict()]).not.toEqual([...other.stateDict()]);
    for (const network of [first, second, other]) network.dispose();
  }));

it("makes a segmentor of one's own, with its own options", () =>
  noLeak(() => {
    const received: SegmentorOptions[] = [];
    registerSegmentor("mine", (options, generator) => {
      received.push(options);
      return new UNet({ imageChannels: options.imageChannels, classes: options.classes, baseWidth: 2, depth: 1 }, generator);
    });
    const network = createSegmentor("mine", { imageChannels: 3, classes: 4, sharpness: "high" }, new Generator(1));
    expect(received).toEqual([{ imageChannels: 3, classes: 4, sharpness: "high" }]);
    expect([network.imageChannels, network.classes]).toEqual([3, 4]);
    expect(segmentorNames()).toContain("mine");
    network.dispose();
  }));

it("does not replace a registered one", () => {
  expect(() => registerSegmentor("unet", () => new UNet(small as never, new Generator(1)))).toThrow(/already a segmentor "unet"/);
});

it("says which name was meant", () => {
  const create = (name: string) => () => createSegmentor(name, small, new Generator(1));
  expect(create("U-Net")).toThrow(/no segmentor "U-Net"\. Did you mean "unet"\? Known: unet/);
  expect(create("segformer")).toThrow(/no segmentor "segformer"\. Known: unet/);
  expect(create("segformer")).toThrow(expect.objectContaining({ code: "segmentor.unknown" }));
});

it.each([
  [{ ...small, baseWith: 8 }, /there is no option "baseWith"\. Did you mean "baseWidth"\? It takes: imageChannels, classes, baseWidth/],
  [{ ...small, zzzzzzzz: 8 }, /there is no option "zzzzzzzz"\. It takes/],
  [{ classes: 1 }, /expected imageChannels to be a positive integer, got nothing/],
  [{ imageChannels: 1 }, /expected classes to be a positive integer, got nothing/],
  [{ ...small, classes: 0 }, /expected classes to be a positive integer, got 0/],
  [{ ...small, classes: 1.5 }, /expected classes to be a positive integer, got 1.5/],
  [{ ...small, baseWidth: "16" }, /expected baseWidth to be a positive integer, got "16"/],
  [{ ...small, depth: 6 }, /expected depth to be an integer in 1 … 5, got 6/],
  [{ ...small, norm: "layer" }, /expected norm to be "batch" or "group" or "none", got "layer"/],
  [{ ...small, up: null }, /expected up to be "transposed" or "bilinear", got null/],
])("rejects the options %j", (options, message) =>
  noLeak(() => {
    const create = (): unknown => createSegmentor("unet", options as SegmentorOptions, new Generator(1));
    expect(create).toThrow(message);
    expect(create).toThrow(expect.objectContaining({ code: "segmentor.option" }));
  }),
);
