import { concat, Conv2d, type Generator, GroupNorm, Module, ModuleList, type Tensor4D, tidy } from "@hidiff/core-tensor";
import type { SegmentorOutput } from "../segmentor.ts";

interface FeaturePyramidOptions {
  readonly imageChannels: number;
  readonly classes: number;
  /** Channels of the map at stride 4. */
  readonly width: number;
}

/**
 * The feature maps of a segmentor that has none of its own, from an image and its prior: five 3×3 convolutions with stride
 * 2, each with GroupNorm and SiLU. It has no running statistics.
 *
 * Each norm has one group, so that how much of the image a mask covers is not normalized away, channel by channel.
 */
export class FeaturePyramid extends Module {
  /** Channels of the maps at strides 4, 8, 16, 32: `width`, 2, 4 and 4 times that. */
  readonly channels: readonly [number, number, number, number];
  readonly #steps: ModuleList<HalvingStep>;

  constructor({ imageChannels, classes, width }: FeaturePyramidOptions, generator: Generator) {
    super();
    this.channels = [width, 2 * width, 4 * width, 4 * width];
    const widths = [width, ...this.channels];
    this.#steps = this.addChild(
      "steps",
      new ModuleList(widths.map((outChannels, index) => new HalvingStep(widths[index - 1] ?? imageChannels + classes, outChannels, generator))),
    );
  }

  /**
   * @param image `[batch, height, width, imageChannels]` with sides that are multiples of 32
   * @param prior `[batch, height, width, classes]`
   * @returns `[batch, height/stride, width/stride, channels[i]]` at strides 4, 8, 16, 32
   */
  forward(image: Tensor4D, prior: Tensor4D): SegmentorOutput["features"] {
    return tidy(() => {
      const maps: Tensor4D[] = [];
      for (const step of this.#steps.items) maps.push(step.forward(maps.at(-1) ?? (concat([image, prior], 3) as Tensor4D)));
      return maps.slice(1) as SegmentorOutput["features"];
    });
  }
}

/** `[batch, height, width, inChannels]` → `[batch, height/2, width/2, outChannels]`. */
class HalvingStep extends Module {
  readonly #conv: Conv2d;
  readonly #norm: GroupNorm;

  constructor(inChannels: number, outChannels: number, generator: Generator) {
    super();
    this.#conv = this.addChild("conv", new Conv2d({ inChannels, outChannels, stride: 2 }, generator));
    this.#norm = this.addChild("norm", new GroupNorm(outChannels, { groups: 1, activation: "silu" }));
  }

  forward(input: Tensor4D): Tensor4D {
    return this.#norm.forward(this.#conv.forward(input));
  }
}
