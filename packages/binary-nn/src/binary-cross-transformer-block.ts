import { addN, BatchNorm, type Generator, HidiffError, mergeHeads, type Mode, Module, splitHeads, type Tensor } from "@hidiff/core-tensor";
import { crossAttention } from "./binary-attention.ts";
import { BinaryDense } from "./binary-dense.ts";
import { BinaryFeedForward } from "./binary-feed-forward.ts";
import { LayerScale } from "./layer-scale.ts";
import { TimeActivation } from "./time-activation.ts";
import { TimeBinarization } from "./time-binarization.ts";
import type { Precision, TimeConditioning } from "./time-shift.ts";

export interface BinaryCrossTransformerBlockOptions {
  readonly channels: number;
  readonly heads: number;
  readonly embeddingChannels: number;
  readonly precision: Precision;
}

export interface CrossTransformerInputs {
  /** `[batch, tokens, channels]` */
  readonly query: Tensor;
  /** Key and value, `[batch, tokens, channels]` */
  readonly condition: Tensor;
  /** Residual base of the feed-forward, `[batch, tokens, channels]` */
  readonly residual: Tensor;
  readonly time: TimeConditioning;
  /** Height and width of the token grid. */
  readonly size: readonly [number, number];
}

/** Query, key or value: a dense unit, then a binarization of its own. */
class Projection extends Module {
  readonly unit: BinaryDense;
  readonly binarization: TimeBinarization;

  constructor({ channels, embeddingChannels, precision }: BinaryCrossTransformerBlockOptions, generator: Generator) {
    super();
    this.unit = this.addChild("unit", new BinaryDense({ inChannels: channels, outChannels: channels, embeddingChannels, precision }, generator));
    this.binarization = this.addChild("binarization", new TimeBinarization({ channels, embeddingChannels, precision }, generator));
  }
}

/**
 * BCTB, the binary cross-transformer block: query tokens attend to condition tokens, all products binary
 * (HiDiff §III-C). Real-valued: the same graph with float products and softmax attention.
 */
export class BinaryCrossTransformerBlock extends Module {
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;
  readonly contextNorm: BatchNorm;
  readonly contextActivation: TimeActivation;
  readonly output: BinaryDense;
  readonly outputScale: LayerScale;
  readonly feedForward: BinaryFeedForward;
  readonly #heads: number;
  readonly #precision: Precision;

  /** @throws HidiffError `attention.heads` if the heads do not divide the channels */
  constructor(options: BinaryCrossTransformerBlockOptions, generator: Generator) {
    super();
    const { channels, heads, embeddingChannels, precision } = options;
    if (channels % heads !== 0) {
      throw new HidiffError("attention.heads", `BinaryCrossTransformerBlock: ${channels} channels cannot be divided among ${heads} heads.`);
    }
    this.query = this.addChild("query", new Projection(options, generator));
    this.key = this.addChild("key", new Projection(options, generator));
    this.value = this.addChild("value", new Projection(options, generator));
    this.contextNorm = this.addChild("contextNorm", new BatchNorm(channels));
    this.contextActivation = this.addChild("contextActivation", new TimeActivation({ channels, embeddingChannels }, generator));
    this.output = this.addChild("output", new BinaryDense({ inChannels: channels, outChannels: channels, embeddingChannels, precision }, generator));
    this.outputScale = this.addChild("outputScale", new LayerScale({ channels, embeddingChannels }, generator));
    this.feedForward = this.addChild("feedForward", new BinaryFeedForward({ channels, embeddingChannels, precision }, generator));
    this.#heads = heads;
    this.#precision = precision;
  }

  /** @returns `[batch, tokens, channels]` */
  forward({ query, condition, residual, time, size }: CrossTransformerInputs, mode: Mode): Tensor {
    const real = [this.query, this.key, this.value].map((projection, index) => {
      const tokens = index === 0 ? query : condition;
      return projection.unit.forward(tokens, tokens, time, mode);
    }) as [Tensor, Tensor, Tensor];
    const [queryHeads, keyHeads, valueHeads] = [this.query, this.key, this.value].map((projection, index) =>
      splitHeads(projection.binarization.forward(real[index]!, time), this.#heads),
    ) as [Tensor, Tensor, Tensor];
    const context = mergeHeads(crossAttention(queryHeads, keyHeads, valueHeads, this.#precision), this.#heads);
    const mixed = this.contextActivation.forward(
      addN([this.contextNorm.forward(context as Tensor, mode), ...real]),
      time,
    );
    const dense = this.output.forward(mixed, mixed, time, mode);
    const scaled = this.outputScale.forward(dense, time);
    return this.feedForward.forward(scaled, residual, time, size, mode);
  }
}
