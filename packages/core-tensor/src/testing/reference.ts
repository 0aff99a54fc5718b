/**
 * The operations of `../ops` as plain float64 loops over row-major arrays, written from their definitions. Slow, and
 * without anything in common with the sources under test.
 */

type Values = Float64Array;
type Shape4 = readonly [number, number, number, number];

/** `filter` `[kernelHeight, kernelWidth, inChannels, outChannels]`. */
export function conv2d(input: Values, [batch, height, width, inChannels]: Shape4, filter: Values, [kh, kw, , outChannels]: Shape4, stride: number, padding: number): Values {
  const outHeight = Math.floor((height + 2 * padding - kh) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kw) / stride) + 1;
  const output = new Float64Array(batch * outHeight * outWidth * outChannels);
  let position = 0;
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        for (let out = 0; out < outChannels; out++) {
          let total = 0;
          for (let i = 0; i < kh; i++) {
            const y = row * stride + i - padding;
            if (y < 0 || y >= height) continue;
            for (let j = 0; j < kw; j++) {
              const x = column * stride + j - padding;
              if (x < 0 || x >= width) continue;
              for (let c = 0; c < inChannels; c++) {
                total += input[((b * height + y) * width + x) * inChannels + c]! * filter[((i * kw + j) * inChannels + c) * outChannels + out]!;
              }
            }
          }
          output[position++] = total;
        }
      }
    }
  }
  return output;
}

/** `filter` `[inChannels, 2, 2, outChannels]`: every input pixel paints its own 2×2 block. */
export function convTranspose2x2(input: Values, [batch, height, width, inChannels]: Shape4, filter: Values, outChannels: number): Values {
  const output = new Float64Array(batch * 4 * height * width * outChannels);
  for (let b = 0; b < batch; b++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < inChannels; c++) {
          for (let tap = 0; tap < 4; tap++) {
            for (let out = 0; out < outChannels; out++) {
              const target = ((b * 2 * height + 2 * y + (tap >> 1)) * 2 * width + 2 * x + (tap & 1)) * outChannels + out;
              output[target]! += input[((b * height + y) * width + x) * inChannels + c]! * filter[(c * 4 + tap) * outChannels + out]!;
            }
          }
        }
      }
    }
  }
  return output;
}

/** Reduces every 2×2 window by `reduce`, which gets its four values in row-major order. */
export function pool2(input: Values, [batch, height, width, channels]: Shape4, reduce: (window: number[]) => number): Values {
  return generate([batch, height / 2, width / 2, channels], (b, row, column, c) =>
    reduce([0, 1, 2, 3].map((tap) => input[((b * height + 2 * row + (tap >> 1)) * width + 2 * column + (tap & 1)) * channels + c]!)),
  );
}

/** PyTorch's `interpolate(mode="bilinear")`: mixes the two neighbours along either axis, at the clamped position. */
export function resizeBilinear(input: Values, [batch, height, width, channels]: Shape4, [toHeight, toWidth]: readonly [number, number], alignCorners: boolean): Values {
  const at = (index: number, from: number, to: number): { low: number; high: number; fraction: number } => {
    let position = alignCorners ? (to === 1 ? 0 : (index * (from - 1)) / (to - 1)) : ((index + 0.5) * from) / to - 0.5;
    position = Math.min(Math.max(position, 0), from - 1);
    const low = Math.floor(position);
    return { low, high: Math.min(low + 1, from - 1), fraction: position - low };
  };
  return generate([batch, toHeight, toWidth, channels], (b, row, column, c) => {
    const y = at(row, height, toHeight);
    const x = at(column, width, toWidth);
    const pixel = (i: number, j: number): number => input[((b * height + i) * width + j) * channels + c]!;
    const upper = pixel(y.low, x.low) * (1 - x.fraction) + pixel(y.low, x.high) * x.fraction;
    const lower = pixel(y.high, x.low) * (1 - x.fraction) + pixel(y.high, x.high) * x.fraction;
    return upper * (1 - y.fraction) + lower * y.fraction;
  });
}

export function resizeNearest(input: Values, [batch, height, width, channels]: Shape4, [toHeight, toWidth]: readonly [number, number]): Values {
  return generate([batch, toHeight, toWidth, channels], (b, row, column, c) => {
    const y = Math.floor((row * height) / toHeight);
    const x = Math.floor((column * width) / toWidth);
    return input[((b * height + y) * width + x) * channels + c]!;
  });
}

/** Mean over a window of odd `length` along height (1) or width (2); pixels outside count as zeros. */
export function slidingMean(input: Values, [batch, height, width, channels]: Shape4, axis: 1 | 2, length: number): Values {
  return generate([batch, height, width, channels], (b, row, column, c) => {
    let total = 0;
    for (let offset = -(length - 1) / 2; offset <= (length - 1) / 2; offset++) {
      const y = axis === 1 ? row + offset : row;
      const x = axis === 2 ? column + offset : column;
      if (y >= 0 && y < height && x >= 0 && x < width) total += input[((b * height + y) * width + x) * channels + c]!;
    }
    return total / length;
  });
}

/** `[groups, m, k]` · `[groups, k, n]`. */
export function matMul(a: Values, b: Values, groups: number, m: number, k: number, n: number): Values {
  return generate([groups, m, n, 1], (g, row, column) => {
    let total = 0;
    for (let i = 0; i < k; i++) total += a[(g * m + row) * k + i]! * b[(g * k + i) * n + column]!;
    return total;
  });
}

/**
 * Subtracts the mean and divides by √(biased variance + epsilon) within each set of elements with the same `setOf` index.
 */
export function normalize(input: Values, setOf: (index: number) => number, epsilon: number): { normalized: Values; mean: Values; variance: Values } {
  const sets = input.reduce((most, _, index) => Math.max(most, setOf(index) + 1), 0);
  const counts = new Float64Array(sets);
  const mean = new Float64Array(sets);
  const variance = new Float64Array(sets);
  input.forEach((value, index) => {
    counts[setOf(index)]! += 1;
    mean[setOf(index)]! += value;
  });
  mean.forEach((total, set) => (mean[set] = total / counts[set]!));
  input.forEach((value, index) => (variance[setOf(index)]! += (value - mean[setOf(index)]!) ** 2 / counts[setOf(index)]!));
  const normalized = input.map((value, index) => (value - mean[setOf(index)]!) / Math.sqrt(variance[setOf(index)]! + epsilon));
  return { normalized, mean, variance };
}

/** Softmax over rows of `classes` elements. */
export function softmax(input: Values, classes: number): Values {
  const rowOf = (index: number): Values => input.subarray(index - (index % classes), index - (index % classes) + classes);
  return input.map((value, index) => Math.exp(value) / rowOf(index).reduce((total, other) => total + Math.exp(other), 0));
}

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function generate([a, b, c, d]: Shape4, value: (i: number, j: number, k: number, l: number) => number): Values {
  const output = new Float64Array(a * b * c * d);
  let position = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        for (let l = 0; l < d; l++) output[position++] = value(i, j, k, l);
      }
    }
  }
  return output;
}
