import {
  avgPool2,
  concat,
  Conv2d,
  ConvTranspose2x2,
  type Generator,
  HidiffError,
  type Mode,
  Module,
  ModuleList,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";
import { requireImage } from "../image-size.ts";
import { integerIn, positiveInteger, positiveIntegers, readOptions, trueOrFalse } from "../options.ts";
import { SegmentorModule, type SegmentorOutput } from "../segmentor.ts";
import { activate, ConvNorm } from "./conv-norm.ts";
import { defaultBlocks, defaultWidths, maximumStages, minimumStages } from "./defaults.ts";
import { ResidualBlock } from "./residual-block.ts";

export interface ResidualUNetOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Number of resolutions, 3 … 8: there are stages − 1 down-samplings. Default 6. */
  readonly stages?: number;
  /** Channels at full resolution; they double with each stage. Default 32. */
  readonly baseWidth?: number;
  /** Most channels of a stage. Default 512. */
  readonly maximumWidth?: number;
  /** Residual blocks of each stage. Default 1, 3, 4, then 6 each. */
  readonly blocks?: readonly number[];
  /** Whether it computes logits at every resolution in training mode. Default true. */
  readonly deepSupervision?: boolean;
}

/**
 * U-Net with a residual encoder: nnU-Net's (Isensee et al. 2021) in its "residual encoder" form (Isensee et al. 2024,
 * "nnU-Net revisited"), in 2-D. A stem, stages of {@link ResidualBlock}s of which all but the first halve the map, and a light
 * decoder: transposed convolution, concat of the upsampled map first and the skip second, one convolution. Every
 * convolution is followed by instance normalization, every activation is a leaky ReLU of slope 0.01.
 *
 * Images have sides that are multiples of 2^(stages − 1) and of 32. {@link planResidualUNet} gives options for an image size.
 *
 * Feature maps at stride 2^level, for levels 2 … 5: the decoder's output where `level < stages − 1`, the deepest encoder
 * output where `level = stages − 1`, and the 2×2 average of the map before where the network is shallower.
 *
 * With `deepSupervision`, every decoder stage has its logits: the output has those at strides 2, 4, …, 2^(stages − 2).
 *
 * @throws HidiffError `segmentor.option`
 */
export class ResidualUNet extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly options: Required<ResidualUNetOptions>;
  readonly #stem: ConvNorm;
  readonly #encoder: ModuleList<EncoderStage>;
  readonly #decoder: ModuleList<DecoderStage>;

  constructor(options: ResidualUNetOptions, generator: Generator) {
    super();
    this.options = readResidualUNetOptions(options);
    const { imageChannels, classes, stages, baseWidth, maximumWidth, blocks } = this.options;
    this.imageChannels = imageChannels;
    this.classes = classes;

    const widths = Array.from({ length: stages }, (_, level) => Math.min(baseWidth * 2 ** level, maximumWidth));
    this.#stem = this.addChild("stem", new ConvNorm({ inChannels: imageChannels, outChannels: widths[0]! }, generator));
    const encoder = widths.map((outChannels, level) => {
      const first = { inChannels: widths[Math.max(level - 1, 0)]!, stride: level === 0 ? 1 : 2 } as const;
      return new EncoderStage({ ...first, outChannels, blocks: blocks[level]! }, generator);
    });
    this.#encoder = this.addChild("encoder", new ModuleList(encoder));
    const decoder = Array.from({ length: stages - 1 }, (_, index) => {
      const level = stages - 2 - index;
      return new DecoderStage({ belowChannels: widths[level + 1]!, channels: widths[level]!, classes }, generator);
    });
    this.#decoder = this.addChild("decoder", new ModuleList(decoder));
    const featureWidth = (level: number): number => widths[Math.min(level, stages - 1)]!;
    this.featureChannels = [featureWidth(2), featureWidth(3), featureWidth(4), featureWidth(5)];
  }

  override get sizeMultiple(): number {
    return Math.max(32, 2 ** (this.options.stages - 1));
  }

  forward(image: Tensor4D, mode: Mode): SegmentorOutput {
    const { deepSupervision } = this.options;
    requireImage("ResidualUNet", image, this.imageChannels, this.sizeMultiple);
    return tidy(() => {
      const skips: Tensor4D[] = [];
      let map = activate(this.#stem.forward(image));
      for (const stage of this.#encoder.items) {
        map = stage.forward(map);
        skips.push(map);
      }
      const maps = skips.splice(-1); // by level, the deepest so far first
      for (const stage of this.#decoder.items) maps.unshift(stage.forward(maps[0]!, skips.pop()!));
      while (maps.length < 6) maps.push(avgPool2(maps.at(-1)!));
      const features = maps.slice(2, 6) as [Tensor4D, Tensor4D, Tensor4D, Tensor4D];

      const [finest, ...coarser] = this.#decoder.items.map(({ head }) => head).reverse();
      const logits = finest!.forward(maps[0]!);
      if (!deepSupervision || !mode.training) return { logits, features };
      return { logits, features, deepSupervision: coarser.map((head, index) => head.forward(maps[index + 1]!)) };
    });
  }
}

function readResidualUNetOptions(given: ResidualUNetOptions): Required<ResidualUNetOptions> {
  const options = readOptions<Required<ResidualUNetOptions>>("ResidualUNet", given, {
    imageChannels: positiveInteger(),
    classes: positiveInteger(),
    stages: integerIn(minimumStages, maximumStages, 6),
    baseWidth: positiveInteger(defaultWidths.base),
    maximumWidth: positiveInteger(defaultWidths.maximum),
    blocks: positiveIntegers(defaultBlocks),
    deepSupervision: trueOrFalse(true),
  });
  const { stages, blocks } = options;
  if (given.blocks !== undefined && blocks.length !== stages) {
    throw new HidiffError(
      "segmentor.option",
      `ResidualUNet: expected blocks to have one number for each of the ${stages} stages, got ${JSON.stringify(blocks)}.`,
    );
  }
  return { ...options, blocks: blocks.slice(0, stages) };
}

interface EncoderStageOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: 1 | 2;
  readonly blocks: number;
}

/** Residual blocks, the first with the stride. */
class EncoderStage extends ModuleList<ResidualBlock> {
  constructor({ inChannels, outChannels, stride, blocks }: EncoderStageOptions, generator: Generator) {
    const first = { inChannels, outChannels, stride };
    const others = { inChannels: outChannels, outChannels, stride: 1 } as const;
    super(Array.from({ length: blocks }, (_, index) => new ResidualBlock(index === 0 ? first : others, generator)));
  }

  forward(input: Tensor4D): Tensor4D {
    return this.items.reduce((map, block) => block.forward(map), input);
  }
}

interface DecoderStageOptions {
  readonly belowChannels: number;
  readonly channels: number;
  readonly classes: number;
}

/** One level up: doubles the map from below, puts it before the skip, and convolves both; its head makes logits of the result. */
class DecoderStage extends Module {
  readonly head: Conv2d;
  readonly #up: ConvTranspose2x2;
  readonly #merge: ConvNorm;

  constructor({ belowChannels, channels, classes }: DecoderStageOptions, generator: Generator) {
    super();
    this.#up = this.addChild("up", new ConvTranspose2x2({ inChannels: belowChannels, outChannels: channels }, generator));
    this.#merge = this.addChild("merge", new ConvNorm({ inChannels: 2 * channels, outChannels: channels }, generator));
    this.head = this.addChild("head", new Conv2d({ inChannels: channels, outChannels: classes, kernelSize: 1 }, generator));
  }

  /** `below` `[batch, height/2, width/2, belowChannels]`, `skip` `[batch, height, width, channels]`. */
  forward(below: Tensor4D, skip: Tensor4D): Tensor4D {
    return tidy(() => activate(this.#merge.forward(concat([this.#up.forward(below), skip], 3))));
  }
}
