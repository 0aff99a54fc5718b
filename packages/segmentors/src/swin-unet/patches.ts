import {
  concat,
  Conv2d,
  type Generator,
  LayerNorm,
  type Linear,
  Module,
  reshape,
  type Tensor,
  type Tensor4D,
  transpose,
} from "@hidiff/core-tensor";
import { createLinear } from "./linear.ts";

/**
 * Linear embedding of 4×4 patches: `[batch, height, width, imageChannels]` → `[batch, height/4, width/4, channels]`. A
 * grey image is repeated to three channels, as in the published network, whose weights are for colour images.
 */
export class PatchEmbedding extends Module {
  readonly #projection: Conv2d;
  readonly #norm: LayerNorm;
  readonly #grey: boolean;

  constructor(imageChannels: number, channels: number, generator: Generator) {
    super();
    this.#grey = imageChannels === 1;
    const convolution = { inChannels: this.#grey ? 3 : imageChannels, outChannels: channels, kernelSize: 4, stride: 4 };
    this.#projection = this.addChild("projection", new Conv2d(convolution, generator));
    this.#norm = this.addChild("norm", new LayerNorm(channels));
  }

  forward(image: Tensor4D): Tensor4D {
    const colours = this.#grey ? concat([image, image, image], 3) : image;
    return this.#norm.forward(this.#projection.forward(colours)) as Tensor4D;
  }
}

/** Halves the sides and doubles the channels: `[batch, height, width, channels]` → `[batch, height/2, width/2, 2·channels]`. */
export class PatchMerging extends Module {
  readonly #norm: LayerNorm;
  readonly #reduction: Linear;

  constructor(channels: number, generator: Generator) {
    super();
    this.#norm = this.addChild("norm", new LayerNorm(4 * channels));
    const features = { inFeatures: 4 * channels, outFeatures: 2 * channels, bias: false };
    this.#reduction = this.addChild("reduction", createLinear(features, generator));
  }

  forward(map: Tensor4D): Tensor4D {
    return this.#reduction.forward(this.#norm.forward(gatherPatches(map))) as Tensor4D;
  }
}

/**
 * Puts the pixels of 2×2 patches side by side, down the first column and then down the second:
 * `[batch, height, width, channels]` → `[batch, height/2, width/2, 4·channels]`.
 */
export function gatherPatches(map: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = map.shape;
  const rowPairs = reshape(map, [(batch * height) / 2, 2, width, channels]);
  return reshape(transpose(rowPairs, [0, 2, 1, 3]), [batch, height / 2, width / 2, 4 * channels]);
}

/** Multiplies a map's sides: `[batch, height, width, inChannels]` → `[batch, factor·height, factor·width, outChannels]`. */
export class PatchExpanding extends Module {
  readonly #expand: Linear;
  readonly #norm: LayerNorm;
  readonly #factor: number;

  constructor(inChannels: number, outChannels: number, factor: number, generator: Generator) {
    super();
    this.#factor = factor;
    const features = { inFeatures: inChannels, outFeatures: factor * factor * outChannels, bias: false };
    this.#expand = this.addChild("expand", createLinear(features, generator));
    this.#norm = this.addChild("norm", new LayerNorm(outChannels));
  }

  forward(map: Tensor4D): Tensor4D {
    return this.#norm.forward(spreadPatches(this.#expand.forward(map), this.#factor)) as Tensor4D;
  }
}

/**
 * Makes a patch of `factor` × `factor` pixels, by rows, of the channels of each:
 * `[batch, height, width, factor²·channels]` → `[batch, factor·height, factor·width, channels]`.
 */
export function spreadPatches(map: Tensor, factor: number): Tensor4D {
  const [batch, height, width, features] = map.shape as [number, number, number, number];
  const rows = reshape(map, [batch * height, width, factor, features / factor]);
  return reshape(transpose(rows, [0, 2, 1, 3]), [batch, factor * height, factor * width, features / (factor * factor)]);
}
