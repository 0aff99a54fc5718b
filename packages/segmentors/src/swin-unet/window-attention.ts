import {
  add,
  applySeparable,
  type AxisMatrix,
  type Generator,
  type Linear,
  matMul,
  mergeHeads,
  Module,
  mul,
  normalTensor,
  reshape,
  softmax,
  split,
  splitHeads,
  swapLast,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
  transpose,
  type Variable,
} from "@hidiff/core-tensor";
import { createLinear, weightDeviation } from "./linear.ts";

interface WindowAttentionOptions {
  readonly channels: number;
  readonly heads: number;
  /** Side of the largest window. */
  readonly window: number;
}

/**
 * Multi-head self-attention within windows, with a learned bias for each relative position (Liu et al. 2021, equation 4):
 * `softmax(q·kᵀ/√width + bias)·v`.
 */
export class WindowAttention extends Module {
  /** `[(2·window − 1)², heads]`, by the row offset from key to query, then the column offset, both from −(window − 1). */
  readonly relativePositionBiasTable: Variable;
  readonly #qkv: Linear;
  readonly #projection: Linear;
  readonly #heads: number;
  readonly #window: number;

  constructor({ channels, heads, window }: WindowAttentionOptions, generator: Generator) {
    super();
    this.#heads = heads;
    this.#window = window;
    const offsets = 2 * window - 1;
    this.relativePositionBiasTable = this.addParameter(
      "relativePositionBiasTable",
      normalTensor([offsets * offsets, heads], weightDeviation, generator),
    );
    this.#qkv = this.addChild("qkv", createLinear({ inFeatures: channels, outFeatures: 3 * channels }, generator));
    this.#projection = this.addChild("projection", createLinear({ inFeatures: channels, outFeatures: channels }, generator));
  }

  /**
   * @param windows `[batch·count, tokens, channels]`, tokens by rows
   * @param sides of the windows, each at most `window`
   * @param mask `[count, tokens, tokens]`, added to the scores of every image's windows
   */
  forward(windows: Tensor3D, sides: readonly [height: number, width: number], mask?: Tensor3D): Tensor {
    const [query, key, value] = split(this.#qkv.forward(windows), 3, 2).map((part) => splitHeads(part, this.#heads)) as [
      Tensor3D,
      Tensor3D,
      Tensor3D,
    ];
    const scores = matMul(mul(query, 1 / Math.sqrt(query.shape[2])), swapLast(key));
    const bias = this.#bias(sides, mask);
    const biased = add(reshape(scores, [-1, bias.size]), bias);
    return this.#projection.forward(mergeHeads(matMul(softmax(reshape(biased, scores.shape)), value), this.#heads));
  }

  /** The bias of all heads with the mask, by head, query and key (with a mask, for each window), as one row. */
  #bias([height, width]: readonly [number, number], mask: Tensor3D | undefined): Tensor {
    const offsets = 2 * this.#window - 1;
    const table = reshape(this.relativePositionBiasTable, [1, offsets, offsets, this.#heads]) as Tensor4D;
    const byAxis = applySeparable(table, pairOffsets(height, this.#window), pairOffsets(width, this.#window));
    const byPosition = reshape(byAxis, [height, height, width, width, this.#heads]); // query and key row, query and key column
    const bias = reshape(transpose(byPosition, [4, 0, 2, 1, 3]), [1, this.#heads, -1]);
    return reshape(mask === undefined ? bias : add(bias, reshape(mask, [mask.shape[0], 1, -1])), [-1]);
  }
}

/**
 * Selects, for each pair of a query's and a key's position on an axis of length `side`, the row of their offset among the
 * 2·window − 1 offsets: a matrix of zeros and ones, since a lookup has no gradient on the wasm backend.
 */
function pairOffsets(side: number, window: number): AxisMatrix {
  const [rows, columns] = [side * side, 2 * window - 1];
  const values = new Float32Array(rows * columns);
  for (let query = 0; query < side; query++) {
    for (let key = 0; key < side; key++) values[(query * side + key) * columns + query - key + window - 1] = 1;
  }
  return { rows, columns, values };
}
