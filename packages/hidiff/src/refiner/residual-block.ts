import type { TimeConditioning } from "@hidiff/binary-nn";
import { add, Conv2d, type Generator, GroupNorm, Linear, Module, mul, split, type Tensor, type Tensor4D } from "@hidiff/core-tensor";

interface ResidualBlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly embeddingChannels: number;
}

/**
 * The float block that takes in a feature map of the segmentor: GroupNorm, SiLU, conv; then
 * `GroupNorm·(1 + scale(t)) + shift(t)`, SiLU, zero-initialized conv; plus the input (through a 1×1 convolution if the
 * widths differ). As in guided diffusion (Dhariwal & Nichol 2021).
 */
export class ResidualBlock extends Module {
  readonly inNorm: GroupNorm;
  readonly inConvolution: Conv2d;
  readonly embedding: Linear;
  readonly outNorm: GroupNorm;
  readonly outConvolution: Conv2d;
  readonly skip: Conv2d | undefined;

  constructor({ inChannels, outChannels, embeddingChannels }: ResidualBlockOptions, generator: Generator) {
    super();
    this.inNorm = this.addChild("inNorm", new GroupNorm(inChannels, { activation: "silu" }));
    this.inConvolution = this.addChild("inConvolution", new Conv2d({ inChannels, outChannels }, generator));
    this.embedding = this.addChild("embedding", new Linear({ inFeatures: embeddingChannels, outFeatures: 2 * outChannels }, generator));
    this.outNorm = this.addChild("outNorm", new GroupNorm(outChannels, { activation: "silu" }));
    this.outConvolution = this.addChild(
      "outConvolution",
      new Conv2d({ inChannels: outChannels, outChannels, initialization: "zero" }, generator),
    );
    this.skip =
      inChannels === outChannels ? undefined : this.addChild("skip", new Conv2d({ inChannels, outChannels, kernelSize: 1 }, generator));
  }

  /** `[batch, height, width, inChannels]` → `[batch, height, width, outChannels]` */
  forward(feature: Tensor4D, time: TimeConditioning): Tensor4D {
    const hidden = this.inConvolution.forward(this.inNorm.forward(feature));
    const [scale, shift] = split(this.embedding.forward(time.activatedEmbedding), 2, 1) as [Tensor, Tensor];
    const factor = add(scale, 1);
    const normalized = this.outNorm.forward(
      hidden,
      mul(this.outNorm.weight, factor),
      add(mul(this.outNorm.bias, factor), shift),
    );
    return add(this.skip?.forward(feature) ?? feature, this.outConvolution.forward(normalized));
  }
}
