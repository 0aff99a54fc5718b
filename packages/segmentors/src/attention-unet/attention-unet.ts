import {
  avgPool2,
  concat,
  Conv2d,
  type Generator,
  maxPool2,
  type Mode,
  Module,
  ModuleList,
  relu,
  type Tensor4D,
  tidy,
  upsampleNearest2,
} from "@hidiff/core-tensor";
import { requireImage } from "../image-size.ts";
import { multipleOf, positiveInteger, readOptions } from "../options.ts";
import { SegmentorModule, type SegmentorOutput } from "../segmentor.ts";
import { DoubleConv } from "../unet/double-conv.ts";
import { AttentionGate } from "./attention-gate.ts";
import { ConvBatchNorm } from "./conv-batch-norm.ts";

export interface AttentionUNetOptions {
  readonly imageChannels: number;
  /** 1 for a binary task, else the number of classes with the background. */
  readonly classes: number;
  /** Channels at full resolution, an even number; they double with each of the four down-samplings. Default 64. */
  readonly baseWidth?: number;
}

/**
 * Attention U-Net (Oktay et al. 2018) in its widespread 2-D PyTorch form: a U-Net of five levels with channels
 * `baseWidth·2^level`, 2×2 max-pooling down, nearest-neighbour up-sampling with a 3×3 convolution up, and an
 * {@link AttentionGate} on every skip, whose gating signal is the up-sampled map.
 *
 * Feature maps at strides 4 and 8 are the decoder's, at stride 16 the deepest encoder output, at 32 its 2×2 average.
 *
 * @throws HidiffError `segmentor.option`
 */
export class AttentionUNet extends SegmentorModule {
  readonly imageChannels: number;
  readonly classes: number;
  readonly featureChannels: readonly [number, number, number, number];
  readonly options: Required<AttentionUNetOptions>;
  readonly #encoder: ModuleList<DoubleConv>;
  readonly #decoder: ModuleList<DecoderStage>;
  readonly #head: Conv2d;

  constructor(options: AttentionUNetOptions, generator: Generator) {
    super();
    this.options = readOptions<Required<AttentionUNetOptions>>("AttentionUNet", options, {
      imageChannels: positiveInteger(),
      classes: positiveInteger(),
      baseWidth: multipleOf(2, 64),
    });
    const { imageChannels, classes, baseWidth } = this.options;
    this.imageChannels = imageChannels;
    this.classes = classes;

    const widths = [0, 1, 2, 3, 4].map((level) => baseWidth * 2 ** level);
    const encoder = widths.map((outChannels, level) => {
      const inChannels = level === 0 ? imageChannels : widths[level - 1]!;
      return new DoubleConv({ inChannels, outChannels, norm: "batch", bias: true }, generator);
    });
    this.#encoder = this.addChild("encoder", new ModuleList(encoder));
    const decoder = widths.slice(0, -1).reverse().map((width) => new DecoderStage(width, generator));
    this.#decoder = this.addChild("decoder", new ModuleList(decoder));
    this.#head = this.addChild("head", new Conv2d({ inChannels: baseWidth, outChannels: classes, kernelSize: 1 }, generator));
    this.featureChannels = [widths[2]!, widths[3]!, widths[4]!, widths[4]!];
  }

  forward(image: Tensor4D, mode: Mode): SegmentorOutput {
    requireImage("AttentionUNet", image, this.imageChannels);
    return tidy(() => {
      const skips: Tensor4D[] = [];
      for (const stage of this.#encoder.items) {
        const previous = skips.at(-1);
        skips.push(stage.forward(previous === undefined ? image : maxPool2(previous), mode));
      }
      const maps = skips.splice(-1); // the deepest first
      for (const stage of this.#decoder.items) maps.push(stage.forward(maps.at(-1)!, skips.pop()!, mode));
      const [stride16, stride8, stride4, , full] = maps as [Tensor4D, Tensor4D, Tensor4D, Tensor4D, Tensor4D];
      return { logits: this.#head.forward(full), features: [stride4, stride8, stride16, avgPool2(stride16)] };
    });
  }
}

/** One level up: doubles the map from below, puts it behind the gated skip, and convolves both twice. */
class DecoderStage extends Module {
  readonly #up: ConvBatchNorm;
  readonly #gate: AttentionGate;
  readonly #conv: DoubleConv;

  constructor(channels: number, generator: Generator) {
    super();
    const halving = { inChannels: 2 * channels, outChannels: channels };
    this.#up = this.addChild("up", new ConvBatchNorm({ ...halving, kernelSize: 3 }, generator));
    this.#gate = this.addChild("gate", new AttentionGate({ channels, innerChannels: channels / 2 }, generator));
    this.#conv = this.addChild("conv", new DoubleConv({ ...halving, norm: "batch", bias: true }, generator));
  }

  /** `below` `[batch, height/2, width/2, 2·channels]`, `skip` `[batch, height, width, channels]`. */
  forward(below: Tensor4D, skip: Tensor4D, mode: Mode): Tensor4D {
    return tidy(() => {
      const raised = relu(this.#up.forward(upsampleNearest2(below), mode));
      return this.#conv.forward(concat([this.#gate.forward(raised, skip, mode), raised], 3), mode);
    });
  }
}
