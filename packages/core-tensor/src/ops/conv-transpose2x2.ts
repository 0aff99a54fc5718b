import { reshape, type Tensor4D, transpose } from "@tensorflow/tfjs-core";
import { matMul } from "./matmul.ts";

/**
 * Transposed convolution with a 2×2 filter and stride 2: `[batch, height, width, inChannels]` →
 * `[batch, 2·height, 2·width, outChannels]`, with `filter` `[inChannels, 2, 2, outChannels]`.
 *
 * Windows do not overlap, so that it is one product and a rearrangement.
 */
export function convTranspose2x2(input: Tensor4D, filter: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = input.shape;
  const outChannels = filter.shape[3];
  const product = matMul(reshape(input, [-1, channels]), reshape(filter, [channels, 4 * outChannels]));
  const blocks = reshape(product, [batch * height, width, 2, 2 * outChannels]);
  return reshape(transpose(blocks, [0, 2, 1, 3]), [batch, 2 * height, 2 * width, outChannels]);
}
