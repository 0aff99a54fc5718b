import {
  avgPool2,
  concat,
  Conv2d,
  ConvTranspose2x2,
  type Generator,
  maxPool2,
  type Mode,
  Module,
  ModuleList,
  resizeBilinear,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";
import { DoubleConv, type Normalization } from "./double-conv.ts";
import { requireImage } from "../image-size.ts";
import { integerIn, oneOf, positiveInteger, readOptions } from "../options.ts";
import { SegmentorModule, type SegmentorOutput } from "../segmentor.ts";

/** How the decoder doubles a map's sides. */
export type Upsampling = "transposed" | "bilinear";

export interface UNetOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Channels at full resolution; they double with each level. Default 64. */
  readonly baseWidth?: number;
  /** Number of down-samplings, 1 … 5. Default 4. */
  readonly depth?: number;
  /** Default "batch". */
  readonly norm?: Normalization;
  /** Transposed 2×2 convolutions, or bilinear interpolation with aligned corners. Default "transposed". */
  readonly up?: Upsampling;
}

/**
 * U-Net (Ronneberger et al. 2015) in its common modern form: padded double convolutions with normalization, channels
 * `baseWidth·2^level`, 2×2 max-pooling down, concat of the skip first and the upsampled map second, 1×1 head. With
 * `up: "bilinear"` the deepest level and each decoder level that has another above it have half the channels.
 *
 * Feature maps at stride 2^level, for levels 2 … 5: the decoder's output where `level < depth`, the deepest encoder output
 * where `level = depth`, and the 2×2 average of the map before where the network is shallower. At depth 4: decoder,
 * decoder, deepest encoder output, its average. At depth 3: decoder, deepest, average, average of that. At depth 5:
 * decoder, decoder, decoder, deepest.
 *
 * @throws HidiffError `segmentor.option`
 */
export class UNet extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly options: Required<UNetOptions>;
  readonly #encoder: ModuleList<DoubleConv>;
  readonly #decoder: ModuleList<DecoderStage>;
  readonly #head: Conv2d;

  constructor(options: UNetOptions, generator: Generator) {
    super();
    this.options = readOptions<Required<UNetOptions>>("UNet", options, {
      imageChannels: positiveInteger(),
      classes: positiveInteger(),
      baseWidth: positiveInteger(64),
      depth: integerIn(1, 5, 4),
      norm: oneOf(["batch", "group", "none"], "batch"),
      up: oneOf(["transposed", "bilinear"], "transposed"),
    });
    const { imageChannels, classes, baseWidth, depth, norm, up } = this.options;
    this.imageChannels = imageChannels;
    this.classes = classes;

    const levels = Array.from({ length: depth + 1 }, (_, level) => level);
    const skipWidths = levels.map((level) => baseWidth * 2 ** level);
    /** Channels that leave a level for the one above: the decoder's output, or at the deepest level the encoder's. */
    const widths = skipWidths.map((width, level) => (up === "bilinear" && level > 0 ? width / 2 : width));

    this.#encoder = this.addChild(
      "encoder",
      new ModuleList(
        levels.map((level) => {
          const inChannels = level === 0 ? imageChannels : skipWidths[level - 1]!;
          const outChannels = level === depth ? widths[level]! : skipWidths[level]!;
          return new DoubleConv({ inChannels, outChannels, norm }, generator);
        }),
      ),
    );
    this.#decoder = this.addChild(
      "decoder",
      new ModuleList(
        levels.slice(0, depth).reverse().map((level) => {
          const channels = { belowChannels: widths[level + 1]!, skipChannels: skipWidths[level]!, outChannels: widths[level]! };
          return new DecoderStage({ ...channels, norm, up }, generator);
        }),
      ),
    );
    this.#head = this.addChild("head", new Conv2d({ inChannels: widths[0]!, outChannels: classes, kernelSize: 1 }, generator));
    const featureWidth = (level: number): number => widths[Math.min(level, depth)]!;
    this.featureChannels = [featureWidth(2), featureWidth(3), featureWidth(4), featureWidth(5)];
  }

  forward(image: Tensor4D, mode: Mode): SegmentorOutput {
    requireImage("UNet", image, this.imageChannels);
    return tidy(() => {
      const skips: Tensor4D[] = [];
      for (const stage of this.#encoder.items) {
        const previous = skips.at(-1);
        skips.push(stage.forward(previous === undefined ? image : maxPool2(previous), mode));
      }
      const maps = skips.splice(-1); // by level, the deepest so far first
      for (const stage of this.#decoder.items) maps.unshift(stage.forward(maps[0]!, skips.pop()!, mode));
      while (maps.length < 6) maps.push(avgPool2(maps.at(-1)!));
      const [full, , ...features] = maps as [Tensor4D, Tensor4D, Tensor4D, Tensor4D, Tensor4D, Tensor4D];
      return { logits: this.#head.forward(full), features };
    });
  }
}

interface DecoderStageOptions {
  readonly belowChannels: number;
  readonly skipChannels: number;
  readonly outChannels: number;
  readonly norm: Normalization;
  readonly up: Upsampling;
}

/** One level up: doubles the map from below, puts it behind the skip, and convolves both twice. */
class DecoderStage extends Module {
  readonly #up: ConvTranspose2x2 | undefined;
  readonly #conv: DoubleConv;

  constructor({ belowChannels, skipChannels, outChannels, norm, up }: DecoderStageOptions, generator: Generator) {
    super();
    const transposed = up === "transposed";
    const channels = { inChannels: belowChannels, outChannels: skipChannels };
    this.#up = transposed ? this.addChild("up", new ConvTranspose2x2(channels, generator)) : undefined;
    const inChannels = skipChannels + (transposed ? skipChannels : belowChannels);
    const middleChannels = skipChannels;
    this.#conv = this.addChild("conv", new DoubleConv({ inChannels, middleChannels, outChannels, norm }, generator));
  }

  /** `below` `[batch, height/2, width/2, belowChannels]`, `skip` `[batch, height, width, skipChannels]`. */
  forward(below: Tensor4D, skip: Tensor4D, mode: Mode): Tensor4D {
    return tidy(() => {
      const raised =
        this.#up?.forward(below) ?? resizeBilinear(below, [skip.shape[1], skip.shape[2]], { alignCorners: true });
      return this.#conv.forward(concat([skip, raised], 3), mode);
    });
  }
}
