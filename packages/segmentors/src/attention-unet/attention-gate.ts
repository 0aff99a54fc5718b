import { add, type Generator, type Mode, Module, mul, relu, sigmoid, type Tensor4D, tidy } from "@hidiff/core-tensor";
import { ConvBatchNorm } from "./conv-batch-norm.ts";

/**
 * Additive attention gate (Oktay et al. 2018, equations 1 and 2): scales every pixel of the skip by
 * α = σ(ψ(ReLU(W_x·skip + W_g·gating))) in (0, 1), where each projection is a 1×1 convolution with batch normalization.
 * (The paper's gating signal has half the skip's resolution; here, as in the widespread PyTorch form, both have one size.)
 */
export class AttentionGate extends Module {
  readonly #gating: ConvBatchNorm;
  readonly #skip: ConvBatchNorm;
  readonly #coefficients: ConvBatchNorm;

  constructor({ channels, innerChannels }: { channels: number; innerChannels: number }, generator: Generator) {
    super();
    const projection = { inChannels: channels, outChannels: innerChannels, kernelSize: 1 };
    this.#gating = this.addChild("gating", new ConvBatchNorm(projection, generator));
    this.#skip = this.addChild("skip", new ConvBatchNorm(projection, generator));
    this.#coefficients = this.addChild(
      "coefficients",
      new ConvBatchNorm({ inChannels: innerChannels, outChannels: 1, kernelSize: 1 }, generator),
    );
  }

  /** `gating` and `skip` `[batch, height, width, channels]`; the result too. */
  forward(gating: Tensor4D, skip: Tensor4D, mode: Mode): Tensor4D {
    return tidy(() => {
      const joined = relu(add(this.#gating.forward(gating, mode), this.#skip.forward(skip, mode)) as Tensor4D);
      return mul(skip, sigmoid(this.#coefficients.forward(joined, mode)));
    });
  }
}
