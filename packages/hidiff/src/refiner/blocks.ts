import { BinaryConv2d, type Precision, TimeActivation, type TimeConditioning, TimeBinarization } from "@hidiff/binary-nn";
import {
  add,
  avgPool2,
  BatchNorm,
  concat,
  type Generator,
  mean,
  type Mode,
  Module,
  ModuleList,
  reshape,
  type Tensor4D,
  upsampleNearest2,
} from "@hidiff/core-tensor";
import { ResidualBlock } from "./residual-block.ts";

export interface BlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly embeddingChannels: number;
  readonly precision: Precision;
}

/**
 * BasicBlock: `TA(BN(BinaryConv(TB(u))) + shortcut(u))`. The shortcut is the identity or, for twice as many channels in
 * as out, the mean of neighbouring channel pairs.
 */
export class BasicBlock extends Module {
  readonly binarization: TimeBinarization;
  readonly convolution: BinaryConv2d;
  readonly norm: BatchNorm;
  readonly activation: TimeActivation;

  constructor({ inChannels, outChannels, embeddingChannels, precision }: BlockOptions, generator: Generator) {
    super();
    this.binarization = this.addChild("binarization", new TimeBinarization({ channels: inChannels, embeddingChannels, precision }, generator));
    this.convolution = this.addChild("convolution", new BinaryConv2d({ inChannels, outChannels, precision }, generator));
    this.norm = this.addChild("norm", new BatchNorm(outChannels));
    this.activation = this.addChild("activation", new TimeActivation({ channels: outChannels, embeddingChannels }, generator));
  }

  /** `[batch, height, width, inChannels]` → `[batch, height, width, outChannels]` */
  forward(input: Tensor4D, time: TimeConditioning, mode: Mode): Tensor4D {
    const convolved = this.convolution.forward(this.binarization.forward(input, time));
    const normalized = this.norm.forward(convolved, mode);
    return this.activation.forward(add(normalized, pairMean(input, normalized.shape[3])), time);
  }
}

/** The mean of channels 2k and 2k + 1, or the input itself if it already has `channels` channels. */
function pairMean(input: Tensor4D, channels: number): Tensor4D {
  const [batch, height, width, inChannels] = input.shape;
  if (inChannels === channels) return input;
  return reshape(mean(reshape(input, [batch * height * width, channels, 2]), 2), [batch, height, width, channels]);
}

/**
 * Down: for each of out/in branches `BN(BinaryConv stride 2 (TB(u))) + avgpool(u)`; the branches' channels follow each
 * other; then TA. `[batch, height, width, inChannels]` → `[batch, height/2, width/2, outChannels]`.
 */
export class DownBlock extends Module {
  readonly binarization: TimeBinarization;
  readonly convolutions: ModuleList<BinaryConv2d>;
  readonly norms: ModuleList<BatchNorm>;
  readonly activation: TimeActivation;

  constructor({ inChannels, outChannels, embeddingChannels, precision }: BlockOptions, generator: Generator) {
    super();
    const branches = Array.from({ length: outChannels / inChannels });
    const convolution = { inChannels, outChannels: inChannels, stride: 2, precision };
    this.binarization = this.addChild("binarization", new TimeBinarization({ channels: inChannels, embeddingChannels, precision }, generator));
    this.convolutions = this.addChild("convolutions", new ModuleList(branches.map(() => new BinaryConv2d(convolution, generator))));
    this.norms = this.addChild("norms", new ModuleList(branches.map(() => new BatchNorm(inChannels))));
    this.activation = this.addChild("activation", new TimeActivation({ channels: outChannels, embeddingChannels }, generator));
  }

  forward(input: Tensor4D, time: TimeConditioning, mode: Mode): Tensor4D {
    const signs = this.binarization.forward(input, time);
    const shortcut = avgPool2(input);
    const branches = this.convolutions.items.map((convolution, index) =>
      add(this.norms.items[index]!.forward(convolution.forward(signs), mode), shortcut),
    );
    const joined = branches.length === 1 ? branches[0]! : concat(branches, 3);
    return this.activation.forward(joined as Tensor4D, time);
  }
}

/** Up: nearest-neighbour upsampling by two, then a {@link BasicBlock}. */
export class UpBlock extends BasicBlock {
  override forward(input: Tensor4D, time: TimeConditioning, mode: Mode): Tensor4D {
    return super.forward(upsampleNearest2(input), time, mode);
  }
}

/**
 * Concat: takes in a feature map of the segmentor. `c = ResidualBlock(feature, t)`, then a {@link BasicBlock} on
 * `concat(h, c)` with half as many channels out.
 */
export class ConcatBlock extends Module {
  readonly condition: ResidualBlock;
  readonly block: BasicBlock;

  constructor(
    options: { readonly channels: number; readonly featureChannels: number; readonly embeddingChannels: number; readonly precision: Precision },
    generator: Generator,
  ) {
    super();
    const { channels, featureChannels, embeddingChannels, precision } = options;
    this.condition = this.addChild(
      "condition",
      new ResidualBlock({ inChannels: featureChannels, outChannels: channels, embeddingChannels }, generator),
    );
    this.block = this.addChild(
      "block",
      new BasicBlock({ inChannels: 2 * channels, outChannels: channels, embeddingChannels, precision }, generator),
    );
  }

  /** `[batch, height, width, channels]` and the feature map of the same size → `[batch, height, width, channels]` */
  forward(input: Tensor4D, feature: Tensor4D, time: TimeConditioning, mode: Mode): Tensor4D {
    const condition = this.condition.forward(feature, time);
    return this.block.forward(concat([input, condition], 3), time, mode);
  }
}
