import { BinaryCrossTransformerBlock, type Precision, type TimeConditioning } from "@hidiff/binary-nn";
import { BatchNorm, type Generator, type Mode, Module, reshape, type Tensor, type Tensor4D, transpose } from "@hidiff/core-tensor";
import { ResidualBlock } from "./residual-block.ts";

/**
 * How the result's tokens become a map again. "spatial": each to its own place. "published": the authors' code
 * reinterprets `[tokens, channels]` as `[channels, height, width]`, which scrambles both; for their checkpoints only.
 */
export type TokenOrder = "spatial" | "published";

export interface CrossTransformerOptions {
  readonly channels: number;
  /** Channels of the segmentor's feature map at stride 32. */
  readonly featureChannels: number;
  readonly embeddingChannels: number;
  readonly precision: Precision;
  readonly tokenOrder: TokenOrder;
}

const heads = 4;

/**
 * BX-Former at stride 32: the refiner's tokens `e` enrich those of the segmentor's feature `s`, then attend to them
 * (HiDiff §III-C). Two binary cross-transformer blocks: `(e → s) = s'`, then `(s' → e)`.
 */
export class CrossTransformer extends Module {
  readonly condition: ResidualBlock;
  readonly conditionNorm1: BatchNorm;
  readonly embeddingNorm1: BatchNorm;
  readonly block1: BinaryCrossTransformerBlock;
  readonly conditionNorm2: BatchNorm;
  readonly embeddingNorm2: BatchNorm;
  readonly block2: BinaryCrossTransformerBlock;
  readonly #tokenOrder: TokenOrder;

  constructor({ channels, featureChannels, embeddingChannels, precision, tokenOrder }: CrossTransformerOptions, generator: Generator) {
    super();
    const block = { channels, heads, embeddingChannels, precision };
    this.condition = this.addChild(
      "condition",
      new ResidualBlock({ inChannels: featureChannels, outChannels: channels, embeddingChannels }, generator),
    );
    this.conditionNorm1 = this.addChild("conditionNorm1", new BatchNorm(channels));
    this.embeddingNorm1 = this.addChild("embeddingNorm1", new BatchNorm(channels));
    this.block1 = this.addChild("block1", new BinaryCrossTransformerBlock(block, generator));
    this.conditionNorm2 = this.addChild("conditionNorm2", new BatchNorm(channels));
    this.embeddingNorm2 = this.addChild("embeddingNorm2", new BatchNorm(channels));
    this.block2 = this.addChild("block2", new BinaryCrossTransformerBlock(block, generator));
    this.#tokenOrder = tokenOrder;
  }

  /** `[batch, height, width, channels]` and the feature `[batch, height, width, featureChannels]` → `[batch, height, width, channels]` */
  forward(embedding: Tensor4D, feature: Tensor4D, time: TimeConditioning, mode: Mode): Tensor4D {
    const [batch, height, width, channels] = embedding.shape;
    const tokens = this.tokens(embedding, feature, time, mode);
    if (this.#tokenOrder === "spatial") return reshape(tokens, [batch, height, width, channels]);
    return transpose(reshape(tokens, [batch, channels, height, width]), [0, 2, 3, 1]);
  }

  /** The result before its tokens are put into a map: `[batch, tokens, channels]`. */
  tokens(embedding: Tensor4D, feature: Tensor4D, time: TimeConditioning, mode: Mode): Tensor {
    const [batch, height, width, channels] = embedding.shape;
    const asTokens = (map: Tensor4D): Tensor => reshape(map, [batch, height * width, channels]);
    const own = asTokens(embedding);
    const condition = asTokens(this.condition.forward(feature, time));
    const common = { time, size: [height, width] as const };

    const ownNormalized = this.embeddingNorm1.forward(own, mode);
    const enriched = this.block1.forward(
      { query: ownNormalized, condition: this.conditionNorm1.forward(condition, mode), residual: condition, ...common },
      mode,
    );
    // Key and value are normalized twice, as published.
    const twice = this.embeddingNorm2.forward(ownNormalized, mode);
    return this.block2.forward(
      { query: this.conditionNorm2.forward(enriched, mode), condition: twice, residual: own, ...common },
      mode,
    );
  }
}
