import {
  BatchNorm,
  concat,
  Conv2d,
  type Generator,
  type Mode,
  Module,
  ModuleList,
  relu,
  resizeBilinear,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";
import { DoubleConv } from "../unet/double-conv.ts";

/** Channels of the map at stride 16 that the decoder starts from. */
const startChannels = 512;

interface DecoderOptions {
  readonly hiddenSize: number;
  /** Channels of the blocks' outputs, at strides 8, 4, 2 and 1. */
  readonly channels: readonly number[];
  /** Channels of the first blocks' skips. */
  readonly skipChannels: readonly number[];
}

/** TransUNet's cascaded upsampler: a convolution, and blocks that each double the map's sides. */
export class Decoder extends Module {
  /** Channels of the maps that {@link forward} gives. */
  readonly channels: readonly number[];
  readonly #conv: Conv2d;
  readonly #norm: BatchNorm;
  readonly #blocks: ModuleList<DoubleConv>;

  constructor({ hiddenSize, channels, skipChannels }: DecoderOptions, generator: Generator) {
    super();
    this.channels = [startChannels, ...channels];
    this.#conv = this.addChild("conv", new Conv2d({ inChannels: hiddenSize, outChannels: startChannels, bias: false }, generator));
    this.#norm = this.addChild("norm", new BatchNorm(startChannels));
    const blocks = channels.map((outChannels, index) => {
      const inChannels = this.channels[index]! + (skipChannels[index] ?? 0);
      return new DoubleConv({ inChannels, outChannels, norm: "batch" }, generator);
    });
    this.#blocks = this.addChild("blocks", new ModuleList(blocks));
  }

  /**
   * Maps at strides 16, 8, 4, 2 and 1.
   *
   * @param encoded the tokens in their places, `[batch, height/16, width/16, hiddenSize]`
   * @param skips maps at strides 8, 4, 2, for the first blocks
   */
  forward(encoded: Tensor4D, skips: readonly Tensor4D[], mode: Mode): Tensor4D[] {
    return tidy(() => {
      const maps = [relu(this.#norm.forward(this.#conv.forward(encoded), mode))];
      this.#blocks.items.forEach((block, index) => {
        const below = maps.at(-1)!;
        const [, height, width] = below.shape;
        const raised = resizeBilinear(below, [2 * height, 2 * width], { alignCorners: true });
        const skip = skips[index];
        maps.push(block.forward(skip === undefined ? raised : concat([raised, skip], 3), mode));
      });
      return maps;
    });
  }
}
