import { computeTimeShifts, type Precision, type TimeConditioning, type TimeShift, timeShiftsOf } from "@hidiff/binary-nn";
import {
  concat,
  Conv2d,
  type Generator,
  GroupNorm,
  HidiffError,
  type Mode,
  Module,
  sigmoid,
  silu,
  type Tensor4D,
} from "@hidiff/core-tensor";
import { BasicBlock, type BlockOptions, ConcatBlock, DownBlock, UpBlock } from "./blocks.ts";
import { CrossTransformer, type TokenOrder } from "./cross-transformer.ts";
import { TimeEmbedding } from "./time-embedding.ts";

export interface RefinerOptions {
  readonly imageChannels: number;
  readonly classes: number;
  /** Channels of the segmentor's feature maps at strides 4, 8, 16, 32. */
  readonly featureChannels: readonly [number, number, number, number];
  /** Channels at full resolution, a multiple of 4; the paper's is 128. */
  readonly baseWidth: number;
  /** "binary", or "real" for the real-valued twin of the ablation. Default "binary". */
  readonly precision?: Precision;
  /** Whether stage mid has the cross-transformer. Default true. */
  readonly crossTransformer?: boolean;
  /** Default "spatial". */
  readonly tokenOrder?: TokenOrder;
  /** "sigmoid" for a probability (default); "linear" for the Gaussian kernel's noise. */
  readonly head?: "sigmoid" | "linear";
}

export interface RefinerInputs {
  /** `[batch, height, width, imageChannels]`; height and width are multiples of 32. */
  readonly image: Tensor4D;
  /** Latent mask at step t, `[batch, height, width, classes]`, {0, 1}. */
  readonly yt: Tensor4D;
  /** The segmentor's probability, `[batch, height, width, classes]`. */
  readonly prior: Tensor4D;
  /** The segmentor's feature maps at strides 4, 8, 16, 32. */
  readonly features: readonly [Tensor4D, Tensor4D, Tensor4D, Tensor4D];
  /** Step index per item. */
  readonly t: readonly number[];
}

/** Channels, as multiples of the base width, after the down-sampling of stages 1 to 5. */
const widths = [1, 2, 2, 4, 4] as const;

/**
 * BBDM, the binary Bernoulli diffusion model's network: a U-Net with binary blocks that takes in the segmentor's
 * features and estimates the noise of a latent mask (HiDiff §III-C; the table of stages is its Fig. 3).
 */
export class Refiner extends Module {
  readonly options: Required<RefinerOptions>;
  readonly timeEmbedding: TimeEmbedding;
  readonly stem: Conv2d;
  readonly encoders: readonly BasicBlock[];
  /** Stages 3, 4 and 5 take in the features at strides 4, 8 and 16. */
  readonly concats: readonly ConcatBlock[];
  readonly downs: readonly DownBlock[];
  readonly middle1: BasicBlock;
  readonly crossTransformer: CrossTransformer | undefined;
  readonly middle2: BasicBlock;
  readonly ups: readonly UpBlock[];
  readonly decoders: readonly BasicBlock[];
  readonly headNorm: GroupNorm;
  readonly headConvolution: Conv2d;
  readonly #timeShifts: readonly TimeShift[];

  /** @throws HidiffError `refiner.width` if the base width is no positive multiple of 4 */
  constructor(options: RefinerOptions, generator: Generator) {
    super();
    this.options = { precision: "binary", crossTransformer: true, tokenOrder: "spatial", head: "sigmoid", ...options };
    const { imageChannels, classes, featureChannels, baseWidth, precision, tokenOrder } = this.options;
    if (!Number.isInteger(baseWidth) || baseWidth < 4 || baseWidth % 4 !== 0) {
      throw new HidiffError("refiner.width", `Refiner: the base width must be a positive multiple of 4, got ${baseWidth}.`);
    }
    const embeddingChannels = 4 * baseWidth;
    const block = (inWidth: number, outWidth: number): BlockOptions => ({
      inChannels: inWidth * baseWidth,
      outChannels: outWidth * baseWidth,
      embeddingChannels,
      precision,
    });
    const stages = [0, 1, 2, 3, 4];
    const inWidth = (stage: number): number => (stage === 0 ? 1 : widths[stage - 1]!);

    this.timeEmbedding = this.addChild("timeEmbedding", new TimeEmbedding(baseWidth, generator));
    this.stem = this.addChild("stem", new Conv2d({ inChannels: imageChannels + 2 * classes, outChannels: baseWidth }, generator));
    this.encoders = stages.map((s) => this.addChild(`encoder${s + 1}`, new BasicBlock(block(inWidth(s), inWidth(s)), generator)));
    this.concats = [2, 3, 4].map((s) =>
      this.addChild(
        `concat${s + 1}`,
        new ConcatBlock(
          { channels: inWidth(s) * baseWidth, featureChannels: featureChannels[s - 2]!, embeddingChannels, precision },
          generator,
        ),
      ),
    );
    this.downs = stages.map((s) => this.addChild(`down${s + 1}`, new DownBlock(block(inWidth(s), widths[s]!), generator)));
    this.middle1 = this.addChild("middle1", new BasicBlock(block(4, 4), generator));
    this.crossTransformer = this.options.crossTransformer
      ? this.addChild(
          "crossTransformer",
          new CrossTransformer(
            { channels: 4 * baseWidth, featureChannels: featureChannels[3], embeddingChannels, precision, tokenOrder },
            generator,
          ),
        )
      : undefined;
    this.middle2 = this.addChild("middle2", new BasicBlock(block(4, 4), generator));
    // Each up-sampling comes to the width of the skip that it meets, the encoder's of that stage.
    this.ups = [4, 3, 2, 1, 0].map((s) => this.addChild(`up${s + 1}`, new UpBlock(block(widths[s]!, inWidth(s)), generator)));
    this.decoders = [4, 3, 2, 1, 0].map((s) =>
      this.addChild(`decoder${s + 1}`, new BasicBlock(block(2 * inWidth(s), inWidth(s)), generator)),
    );
    this.headNorm = this.addChild("headNorm", new GroupNorm(baseWidth, { activation: "silu" }));
    this.headConvolution = this.addChild(
      "headConvolution",
      new Conv2d({ inChannels: baseWidth, outChannels: classes, initialization: "zero" }, generator),
    );
    this.#timeShifts = timeShiftsOf(this);
  }

  /**
   * The estimated noise (or mask, by the training's target): `[batch, height, width, classes]`, in (0, 1)
   * with the sigmoid head.
   *
   * @throws HidiffError `refiner.size` if height or width is no multiple of 32
   */
  forward({ image, yt, prior, features, t }: RefinerInputs, mode: Mode): Tensor4D {
    const [, height, width] = image.shape;
    if (height % 32 !== 0 || width % 32 !== 0) {
      const padded = `${Math.ceil(height / 32) * 32}×${Math.ceil(width / 32) * 32}`;
      throw new HidiffError("refiner.size", `Refiner: height and width must be multiples of 32, got ${height}×${width}; pad to ${padded}.`);
    }
    const time = this.conditioning(t);
    let hidden = this.stem.forward(concat([image, yt, prior], 3));
    const skips: Tensor4D[] = [];
    for (const stage of [0, 1, 2, 3, 4]) {
      hidden = this.encoders[stage]!.forward(hidden, time, mode);
      if (stage >= 2) hidden = this.concats[stage - 2]!.forward(hidden, features[stage - 2]!, time, mode);
      skips.push(hidden);
      hidden = this.downs[stage]!.forward(hidden, time, mode);
    }
    hidden = this.middle(hidden, features[3], time, mode);
    this.ups.forEach((up, index) => {
      const joined = concat([up.forward(hidden, time, mode), skips.pop()!], 3) as Tensor4D;
      hidden = this.decoders[index]!.forward(joined, time, mode);
    });
    const output = this.headConvolution.forward(this.headNorm.forward(hidden));
    return this.options.head === "sigmoid" ? sigmoid(output) : output;
  }

  /** What all layers need of the step indices, one per item. */
  conditioning(t: readonly number[]): TimeConditioning {
    const activatedEmbedding = silu(this.timeEmbedding.forward(t));
    return { activatedEmbedding, shifts: computeTimeShifts(this.#timeShifts, activatedEmbedding) };
  }

  private middle(input: Tensor4D, feature: Tensor4D, time: TimeConditioning, mode: Mode): Tensor4D {
    const before = this.middle1.forward(input, time, mode);
    const crossed = this.crossTransformer?.forward(before, feature, time, mode) ?? before;
    return this.middle2.forward(crossed, time, mode);
  }
}
