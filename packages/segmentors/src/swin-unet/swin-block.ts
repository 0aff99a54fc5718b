import {
  add,
  gelu,
  type Generator,
  LayerNorm,
  type Linear,
  Module,
  type Tensor,
  tensor3d,
  type Tensor4D,
  tidy,
} from "@hidiff/core-tensor";
import { createLinear } from "./linear.ts";
import { WindowAttention } from "./window-attention.ts";
import { mergeWindows, partitionWindows, shiftMask, windowGrid } from "./windows.ts";

export interface SwinBlockOptions {
  readonly channels: number;
  readonly heads: number;
  readonly window: number;
  /** Hidden features of the perceptron, as a multiple of the channels. */
  readonly mlpRatio: number;
  /** Whether the windows are shifted by half a window. */
  readonly shifted: boolean;
}

/**
 * A Swin Transformer block (Liu et al. 2021, equation 3) on a map `[batch, height, width, channels]`: window attention and a
 * perceptron, each after a layer normalization and with a residual connection.
 */
export class SwinBlock extends Module {
  readonly #norm1: LayerNorm;
  readonly #attention: WindowAttention;
  readonly #norm2: LayerNorm;
  readonly #mlp: Mlp;
  readonly #window: number;
  readonly #shifted: boolean;

  constructor({ channels, heads, window, mlpRatio, shifted }: SwinBlockOptions, generator: Generator) {
    super();
    this.#window = window;
    this.#shifted = shifted;
    this.#norm1 = this.addChild("norm1", new LayerNorm(channels));
    this.#attention = this.addChild("attention", new WindowAttention({ channels, heads, window }, generator));
    this.#norm2 = this.addChild("norm2", new LayerNorm(channels));
    this.#mlp = this.addChild("mlp", new Mlp(channels, mlpRatio * channels, generator));
  }

  forward(input: Tensor4D): Tensor4D {
    return tidy(() => {
      const attended = add(input, this.#attend(this.#norm1.forward(input) as Tensor4D)) as Tensor4D;
      return add(attended, this.#mlp.forward(this.#norm2.forward(attended)));
    });
  }

  #attend(map: Tensor4D): Tensor4D {
    const [, height, width] = map.shape;
    const grid = windowGrid(height, width, this.#window, this.#shifted);
    const { vertical, horizontal } = grid;
    const tokens = vertical.window * horizontal.window;
    const values = shiftMask(grid);
    const mask = values && tensor3d(values, [vertical.count * horizontal.count, tokens, tokens]);
    const attended = this.#attention.forward(partitionWindows(map, grid), [vertical.window, horizontal.window], mask);
    return mergeWindows(attended, grid);
  }
}

/** Two linear layers with GELU between them. */
class Mlp extends Module {
  readonly #fc1: Linear;
  readonly #fc2: Linear;

  constructor(features: number, hiddenFeatures: number, generator: Generator) {
    super();
    this.#fc1 = this.addChild("fc1", createLinear({ inFeatures: features, outFeatures: hiddenFeatures }, generator));
    this.#fc2 = this.addChild("fc2", createLinear({ inFeatures: hiddenFeatures, outFeatures: features }, generator));
  }

  forward(input: Tensor): Tensor {
    return this.#fc2.forward(gelu(this.#fc1.forward(input)));
  }
}

/** Blocks one after the other, every second one with shifted windows. */
export function swinBlocks(depth: number, options: Omit<SwinBlockOptions, "shifted">, generator: Generator): SwinBlock[] {
  return Array.from({ length: depth }, (_, index) => new SwinBlock({ ...options, shifted: index % 2 === 1 }, generator));
}
