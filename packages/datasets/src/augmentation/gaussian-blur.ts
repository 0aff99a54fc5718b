import { HidiffError } from "@hidiff/core-tensor/errors";
import type { Generator } from "@hidiff/core-tensor/random";

export interface GaussianBlurOptions {
  /** The side of the kernel in pixels: odd. */
  readonly size: number;
  /** The range of the standard deviation in pixels. */
  readonly sigma: readonly [low: number, high: number];
}

/** The kernel of the method, section 8. */
export const gaussianBlurDefaults: GaussianBlurOptions = { size: 25, sigma: [0.001, 2] };

export function drawSigma(options: GaussianBlurOptions, generator: Generator): number {
  return generator.uniform(options.sigma[0], options.sigma[1]);
}

/**
 * Blurs with a separable Gaussian kernel of `size` × `size`, mirroring at the borders as torchvision does (the border
 * pixel itself is not repeated).
 *
 * @param image [height, width, channels]
 * @returns a new array of the same shape
 */
export function gaussianBlur(
  image: Float32Array,
  height: number,
  width: number,
  channels: number,
  size: number,
  sigma: number,
): Float32Array {
  const weights = halfKernel(size, sigma);
  if (weights.length === 1 || image.length === 0) return image.slice();
  return blurColumns(blurRows(image, height, width, channels, weights), height, width * channels, weights);
}

/**
 * The weights at distance 0, 1, …, (size − 1) / 2, normalized over the whole kernel. Weights below 1e-8 of the largest
 * are left out: they are less than the rounding of the float32 sum.
 */
function halfKernel(size: number, sigma: number): Float64Array {
  if (!Number.isInteger(size) || size < 1 || size % 2 === 0 || !(sigma > 0)) {
    throw new HidiffError(
      "datasets.blur",
      `gaussianBlur: expected an odd size and a positive sigma, got size ${size} and sigma ${sigma}.`,
    );
  }
  const reach = Math.min((size - 1) / 2, Math.floor(sigma * Math.sqrt(2 * Math.log(1e8))));
  const weights = Float64Array.from({ length: reach + 1 }, (_, distance) => Math.exp(-0.5 * (distance / sigma) ** 2));
  let sum = weights[0]!;
  for (let distance = 1; distance <= reach; distance++) sum += 2 * weights[distance]!;
  return weights.map((weight) => weight / sum);
}

function blurRows(
  image: Float32Array,
  height: number,
  width: number,
  channels: number,
  weights: Float64Array,
): Float32Array {
  const output = new Float32Array(image.length);
  const reach = weights.length - 1;
  const length = width * channels;
  const padded = new Float32Array((width + 2 * reach) * channels);
  for (let row = 0; row < height; row++) {
    const start = row * length;
    padded.set(image.subarray(start, start + length), reach * channels);
    for (let distance = 1; distance <= reach; distance++) {
      const before = start + mirror(-distance, width) * channels;
      const after = start + mirror(width - 1 + distance, width) * channels;
      for (let channel = 0; channel < channels; channel++) {
        padded[(reach - distance) * channels + channel] = image[before + channel]!;
        padded[(reach + width - 1 + distance) * channels + channel] = image[after + channel]!;
      }
    }
    for (let i = 0; i < length; i++) {
      const middle = i + reach * channels;
      let sum = weights[0]! * padded[middle]!;
      for (let distance = 1, offset = channels; distance <= reach; distance++, offset += channels) {
        sum += weights[distance]! * (padded[middle - offset]! + padded[middle + offset]!);
      }
      output[start + i] = sum;
    }
  }
  return output;
}

function blurColumns(image: Float32Array, height: number, length: number, weights: Float64Array): Float32Array {
  const output = new Float32Array(image.length);
  const sums = new Float64Array(length);
  for (let row = 0; row < height; row++) {
    const start = row * length;
    for (let i = 0; i < length; i++) sums[i] = weights[0]! * image[start + i]!;
    for (let distance = 1; distance < weights.length; distance++) {
      const weight = weights[distance]!;
      const above = mirror(row - distance, height) * length;
      const below = mirror(row + distance, height) * length;
      for (let i = 0; i < length; i++) sums[i]! += weight * (image[above + i]! + image[below + i]!);
    }
    output.set(sums, start);
  }
  return output;
}

/** The index of … 2 1 | 0 1 2 … length−1 | length−2 … for any integer. */
function mirror(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const wrapped = ((index % period) + period) % period;
  return wrapped < length ? wrapped : period - wrapped;
}
