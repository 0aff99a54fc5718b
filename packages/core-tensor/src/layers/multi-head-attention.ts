import { mul, reshape, softmax, type Tensor, type Tensor3D, transpose } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { Module } from "../modules/module.ts";
import { matMul, swapLast } from "../ops/matmul.ts";
import type { Generator } from "../random.ts";
import { Linear } from "./linear.ts";

/** `[batch, tokens, heads·width]` → `[batch·heads, tokens, width]`; heads are contiguous slices of the channels. */
export function splitHeads(tokens: Tensor, heads: number): Tensor3D {
  const [batch, count, channels] = tokens.shape as [number, number, number];
  const width = channels / heads;
  return reshape(transpose(reshape(tokens, [batch, count, heads, width]), [0, 2, 1, 3]), [batch * heads, count, width]);
}

/** The inverse of {@link splitHeads}. */
export function mergeHeads(tokens: Tensor, heads: number): Tensor3D {
  const [batchHeads, count, width] = tokens.shape as [number, number, number];
  const batch = batchHeads / heads;
  return reshape(transpose(reshape(tokens, [batch, heads, count, width]), [0, 2, 1, 3]), [batch, count, heads * width]);
}

/** `softmax(query · keyᵀ / √width) · value` on `[groups, tokens, width]` (Vaswani et al. 2017). */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor): Tensor {
  const scores = mul(matMul(query, swapLast(key)), 1 / Math.sqrt(query.shape[2]!));
  return matMul(softmax(scores), value);
}

/** Multi-head attention with linear maps for query, key, value and output: `[batch, tokens, channels]`. */
export class MultiHeadAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly #heads: number;

  constructor({ channels, heads }: { readonly channels: number; readonly heads: number }, generator: Generator) {
    super();
    if (channels % heads !== 0) {
      throw new HidiffError("attention.heads", `MultiHeadAttention: ${channels} channels cannot be divided among ${heads} heads.`);
    }
    const features = { inFeatures: channels, outFeatures: channels };
    this.query = this.addChild("query", new Linear(features, generator));
    this.key = this.addChild("key", new Linear(features, generator));
    this.value = this.addChild("value", new Linear(features, generator));
    this.output = this.addChild("output", new Linear(features, generator));
    this.#heads = heads;
  }

  /** @param context key and value tokens `[batch, contextTokens, channels]`; default: the query tokens (self-attention) */
  forward(tokens: Tensor3D, context: Tensor3D = tokens): Tensor {
    const head = (linear: Linear, input: Tensor): Tensor => splitHeads(linear.forward(input), this.#heads);
    const mixed = scaledDotProductAttention(head(this.query, tokens), head(this.key, context), head(this.value, context));
    return this.output.forward(mergeHeads(mixed, this.#heads));
  }
}
