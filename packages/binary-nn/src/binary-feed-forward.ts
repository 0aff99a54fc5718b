import {
  add,
  addN,
  BatchNorm,
  concat,
  type Generator,
  mean,
  type Mode,
  Module,
  reshape,
  slidingMean,
  type Tensor,
  type Tensor4D,
} from "@hidiff/core-tensor";
import { BinaryDense } from "./binary-dense.ts";
import { LayerScale } from "./layer-scale.ts";
import type { Precision, TimeConditioning } from "./time-shift.ts";

export interface BinaryFeedForwardOptions {
  readonly channels: number;
  readonly embeddingChannels: number;
  readonly precision: Precision;
}

/** The pooled branches: mean over a window of that many tokens along one direction. */
const pools = [
  { name: "pooledHeight3", axis: "height", length: 3 },
  { name: "pooledHeight5", axis: "height", length: 5 },
  { name: "pooledWidth3", axis: "width", length: 3 },
  { name: "pooledWidth5", axis: "width", length: 5 },
] as const;

/**
 * The feed-forward part of a binary cross-transformer block: `h + scale(contract(expand(n))) + Σ scale(pool(n))` with
 * `h = input + residual`, `n = BN(h)`. Expansion is fourfold, its shortcut four copies of `n`; contraction's shortcut is
 * the mean over each four neighbouring channels.
 */
export class BinaryFeedForward extends Module {
  readonly norm: BatchNorm;
  readonly expansion: BinaryDense;
  readonly contraction: BinaryDense;
  readonly scale: LayerScale;
  readonly #pools: readonly { readonly scale: LayerScale; readonly axis: "height" | "width"; readonly length: number }[];

  constructor(options: BinaryFeedForwardOptions, generator: Generator) {
    super();
    const { channels } = options;
    this.norm = this.addChild("norm", new BatchNorm(channels));
    this.expansion = this.addChild("expansion", new BinaryDense({ ...options, inChannels: channels, outChannels: 4 * channels }, generator));
    this.contraction = this.addChild("contraction", new BinaryDense({ ...options, inChannels: 4 * channels, outChannels: channels }, generator));
    this.scale = this.addChild("scale", new LayerScale(options, generator));
    this.#pools = pools.map(({ name, ...window }) => ({ scale: this.addChild(name, new LayerScale(options, generator)), ...window }));
  }

  /**
   * @param input `[batch, tokens, channels]`
   * @param residual `[batch, tokens, channels]`
   * @param size the tokens' height and width; tokens are row-major
   */
  forward(input: Tensor, residual: Tensor, time: TimeConditioning, size: readonly [number, number], mode: Mode): Tensor {
    const [batch, tokens, channels] = input.shape as [number, number, number];
    const base = add(input, residual);
    const normalized = this.norm.forward(base, mode);
    const copies = concat([normalized, normalized, normalized, normalized], 2);
    const expanded = this.expansion.forward(normalized, copies, time, mode);
    const neighbours = mean(reshape(expanded, [batch, tokens, channels, 4]), 3);
    const contracted = this.contraction.forward(expanded, neighbours, time, mode);
    const map = reshape(normalized, [batch, ...size, channels]) as Tensor4D;
    const pooled = this.#pools.map(({ scale, axis, length }) =>
      scale.forward(reshape(slidingMean(map, axis, length), [batch, tokens, channels]), time),
    );
    return addN([base, this.scale.forward(contracted, time), ...pooled]);
  }
}
