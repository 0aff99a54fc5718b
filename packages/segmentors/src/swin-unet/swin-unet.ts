import {
  concat,
  Conv2d,
  type Generator,
  HidiffError,
  LayerNorm,
  type Linear,
  type Mode,
  Module,
  ModuleList,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";
import { requireImage } from "../image-size.ts";
import { positiveInteger, positiveIntegers, readOptions } from "../options.ts";
import { SegmentorModule, type SegmentorOutput } from "../segmentor.ts";
import { createLinear } from "./linear.ts";
import { PatchEmbedding, PatchExpanding, PatchMerging } from "./patches.ts";
import { type SwinBlock, type SwinBlockOptions, swinBlocks } from "./swin-block.ts";

export interface SwinUNetOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Channels at stride 4; they double with each further stage. Default 96. */
  readonly embedDimension?: number;
  /** Blocks of the encoder at strides 4, 8, 16 and 32. Default 2, 2, 2, 2. */
  readonly depths?: readonly number[];
  /**
   * Blocks of the decoder at strides 32, 16, 8 and 4, as published configurations list them. The first number has no effect:
   * that stage only doubles the map. Default 1, 2, 2, 2.
   */
  readonly decoderDepths?: readonly number[];
  /** Attention heads at strides 4, 8, 16 and 32, divisors of the stage's channels. Default 3, 6, 12, 24. */
  readonly heads?: readonly number[];
  /** Side of the attention windows. Default 7. */
  readonly window?: number;
  /** Hidden features of the blocks' perceptrons, as a multiple of the channels. Default 4. */
  readonly mlpRatio?: number;
}

/**
 * Swin-Unet (Cao et al. 2021): a U-Net of Swin Transformer blocks (Liu et al. 2021) without convolutions, on 4×4 patches.
 * There is no dropout and no stochastic depth. Windows that do not divide a map are those of Liu et al.'s detection
 * networks: the map is padded with zeros. A skip is what enters the blocks of a stage, as in Cao et al.'s code.
 *
 * Feature maps: the decoder's output after its normalization at stride 4, its stages' outputs at strides 8 and 16, and the
 * normalized bottleneck at stride 32.
 *
 * @throws HidiffError `segmentor.option`
 */
export class SwinUNet extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly options: Required<SwinUNetOptions>;
  readonly #patchEmbedding: PatchEmbedding;
  readonly #encoder: ModuleList<EncoderStage>;
  readonly #norm: LayerNorm;
  readonly #decoder: ModuleList<DecoderStage>;
  readonly #normUp: LayerNorm;
  readonly #up: PatchExpanding;
  readonly #head: Conv2d;

  constructor(options: SwinUNetOptions, generator: Generator) {
    super();
    this.options = readOptions<Required<SwinUNetOptions>>("SwinUNet", options, {
      imageChannels: positiveInteger(),
      classes: positiveInteger(),
      embedDimension: positiveInteger(96),
      depths: positiveIntegers([2, 2, 2, 2], 4),
      decoderDepths: positiveIntegers([1, 2, 2, 2], 4),
      heads: positiveIntegers([3, 6, 12, 24], 4),
      window: positiveInteger(7),
      mlpRatio: positiveInteger(4),
    });
    const { imageChannels, classes, embedDimension, depths, decoderDepths, heads, window, mlpRatio } = this.options;
    this.imageChannels = imageChannels;
    this.classes = classes;
    this.featureChannels = [embedDimension, 2 * embedDimension, 4 * embedDimension, 8 * embedDimension];
    const blockOptions = this.featureChannels.map((channels, stage) => {
      if (channels % heads[stage]! !== 0) {
        throw new HidiffError(
          "segmentor.option",
          `SwinUNet: expected each of heads to divide its stage's channels ${this.featureChannels.join(", ")}, ` +
            `got ${heads.join(", ")}; choose embedDimension and heads together.`,
        );
      }
      return { channels, heads: heads[stage]!, window, mlpRatio };
    });

    this.#patchEmbedding = this.addChild("patchEmbedding", new PatchEmbedding(imageChannels, embedDimension, generator));
    this.#encoder = this.addChild(
      "encoder",
      new ModuleList(blockOptions.map((stage, index) => new EncoderStage(depths[index]!, stage, index < 3, generator))),
    );
    this.#norm = this.addChild("norm", new LayerNorm(8 * embedDimension));
    this.#decoder = this.addChild(
      "decoder",
      new ModuleList(decoderDepths.slice(1).map((depth, index) => new DecoderStage(depth, blockOptions[2 - index]!, generator))),
    );
    this.#normUp = this.addChild("normUp", new LayerNorm(embedDimension));
    this.#up = this.addChild("up", new PatchExpanding(embedDimension, embedDimension, 4, generator));
    const convolution = { inChannels: embedDimension, outChannels: classes, kernelSize: 1, bias: false };
    this.#head = this.addChild("head", new Conv2d(convolution, generator));
  }

  forward(image: Tensor4D, _mode: Mode): SegmentorOutput {
    requireImage("SwinUNet", image, this.imageChannels);
    return tidy(() => {
      const skips: Tensor4D[] = [];
      let encoded = this.#patchEmbedding.forward(image);
      for (const stage of this.#encoder.items) {
        skips.push(encoded);
        encoded = stage.forward(encoded);
      }
      const maps = [this.#norm.forward(encoded) as Tensor4D]; // by stride, the finest so far first
      skips.pop(); // the bottleneck has no decoder stage
      for (const stage of this.#decoder.items) maps.unshift(stage.forward(maps[0]!, skips.pop()!));
      const [decoded, ...deeper] = maps as [Tensor4D, Tensor4D, Tensor4D, Tensor4D];
      const finest = this.#normUp.forward(decoded) as Tensor4D;
      return { logits: this.#head.forward(this.#up.forward(finest)), features: [finest, ...deeper] };
    });
  }
}

/** Blocks, then in all stages but the deepest a halving of the sides. */
class EncoderStage extends Module {
  readonly #blocks: ModuleList<SwinBlock>;
  readonly #downsample: PatchMerging | undefined;

  constructor(depth: number, options: Omit<SwinBlockOptions, "shifted">, downsample: boolean, generator: Generator) {
    super();
    this.#blocks = this.addChild("blocks", new ModuleList(swinBlocks(depth, options, generator)));
    this.#downsample = downsample ? this.addChild("downsample", new PatchMerging(options.channels, generator)) : undefined;
  }

  /** `[batch, height, width, channels]` → `[batch, height/2, width/2, 2·channels]`, or in the deepest stage the same shape. */
  forward(map: Tensor4D): Tensor4D {
    const output = this.#blocks.items.reduce((previous, block) => block.forward(previous), map);
    return this.#downsample?.forward(output) ?? output;
  }
}

/** One stage up: doubles the sides of the map from below, joins the skip to it, and transforms both by blocks. */
class DecoderStage extends Module {
  readonly #upsample: PatchExpanding;
  readonly #fusion: Linear;
  readonly #blocks: ModuleList<SwinBlock>;

  constructor(depth: number, options: Omit<SwinBlockOptions, "shifted">, generator: Generator) {
    super();
    const { channels } = options;
    this.#upsample = this.addChild("upsample", new PatchExpanding(2 * channels, channels, 2, generator));
    this.#fusion = this.addChild("fusion", createLinear({ inFeatures: 2 * channels, outFeatures: channels }, generator));
    this.#blocks = this.addChild("blocks", new ModuleList(swinBlocks(depth, options, generator)));
  }

  /** `below` `[batch, height/2, width/2, 2·channels]`, `skip` `[batch, height, width, channels]`. */
  forward(below: Tensor4D, skip: Tensor4D): Tensor4D {
    const fused = this.#fusion.forward(concat([this.#upsample.forward(below), skip], 3)) as Tensor4D;
    return this.#blocks.items.reduce((previous, block) => block.forward(previous), fused);
  }
}
