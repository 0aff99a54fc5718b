import { concat, conv2d as tfConv2d, pad, reshape, slice, split, type Tensor, type Tensor4D, tidy, transpose } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { matMul, matMulTransposed } from "./matmul.ts";
import { isNative, operation, runKernel } from "./operation.ts";

export interface Conv2dOptions {
  /** Step between outputs, the same in both directions. Default 1. */
  readonly stride?: number;
  /** Zeros added on every side. Default 0. */
  readonly padding?: number;
}

/**
 * 2-D convolution (PyTorch's: a cross-correlation) of `input` `[batch, height, width, inChannels]` with `filter`
 * `[kernelHeight, kernelWidth, inChannels, outChannels]` and symmetric zero padding.
 *
 * The gradients are TensorFlow's kernels on the native backend. Elsewhere they are convolutions themselves: of the
 * gradient with the rotated filter, and of the input with the gradient as filter (the wasm backend lacks the one kernel
 * and is 10–30 times slower in the other).
 *
 * @throws HidiffError `conv2d.shape` if channels differ, a side is no multiple of the stride, the padding is as large as the
 * kernel or the padded image is smaller than it
 */
export function conv2d(input: Tensor4D, filter: Tensor4D, { stride = 1, padding = 0 }: Conv2dOptions = {}): Tensor4D {
  const [, height, width, channels] = input.shape;
  const [kernelHeight, kernelWidth, inChannels] = filter.shape;
  if (channels !== inChannels || height % stride !== 0 || width % stride !== 0) {
    throw new HidiffError(
      "conv2d.shape",
      `conv2d: expected [batch, height, width, ${inChannels}] with sides that are multiples of the stride ${stride}, got [${input.shape}].`,
    );
  }
  if (padding >= Math.min(kernelHeight, kernelWidth) || height + 2 * padding < kernelHeight || width + 2 * padding < kernelWidth) {
    throw new HidiffError(
      "conv2d.shape",
      `conv2d: a padding of ${padding} and a ${kernelHeight}×${kernelWidth} kernel do not fit [${input.shape}]; the padding must be smaller than the kernel, the kernel no larger than the padded image.`,
    );
  }
  if (kernelHeight === 1 && kernelWidth === 1) return pointwise(everyNth(input, stride), filter);
  return operation({
    inputs: { input, filter },
    forward: (save) => {
      save([input, filter]);
      return forward(input, filter, stride, padding);
    },
    backward: (gradient, saved) => {
      const [savedInput, savedFilter] = saved as [Tensor4D, Tensor4D];
      return {
        input: () =>
          isNative()
            ? nativeInputGradient(gradient, savedInput, savedFilter, stride, padding)
            : inputGradient(gradient, savedInput, savedFilter, stride, padding),
        filter: () =>
          isNative()
            ? nativeFilterGradient(gradient, savedInput, savedFilter, stride, padding)
            : filterGradient(gradient, savedInput, savedFilter, stride, padding),
      };
    },
  });
}

function pointwise(input: Tensor4D, filter: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = input.shape;
  const outChannels = filter.shape[3];
  const product = matMul(reshape(input, [-1, channels]), reshape(filter, [channels, outChannels]));
  return reshape(product, [batch, height, width, outChannels]);
}

/** Every `stride`-th row and column, by slicing inner axes: the result of strided slicing, which has no gradient. */
function everyNth(input: Tensor4D, stride: number): Tensor4D {
  if (stride === 1) return input;
  const [batch, height, width, channels] = input.shape;
  const rows = reshape(input, [batch * (height / stride), stride * width * channels]);
  const kept = slice(rows, [0, 0], [-1, width * channels]);
  const columns = reshape(kept, [batch * (height / stride) * (width / stride), stride * channels]);
  return reshape(slice(columns, [0, 0], [-1, channels]), [batch, height / stride, width / stride, channels]);
}

function forward(input: Tensor4D, filter: Tensor4D, stride: number, padding: number): Tensor4D {
  if (!isNative()) {
    // Not a number, for which TensorFlow.js takes the kernel for a square.
    const sides: [number, number] = [padding, padding];
    return tfConv2d(input, filter, stride, [[0, 0], sides, sides, [0, 0]]);
  }
  const { padded, mode } = nativePadding(input, filter, stride, padding);
  return tfConv2d(padded, filter, stride, mode);
}

/** TensorFlow's native kernels take only "same" and "valid"; "same" pads like PyTorch at stride 1 alone. */
function nativePadding(
  input: Tensor4D,
  filter: Tensor4D,
  stride: number,
  padding: number,
): { padded: Tensor4D; mode: "same" | "valid" } {
  if (padding === 0) return { padded: input, mode: "valid" };
  if (isSame(filter, stride, padding)) return { padded: input, mode: "same" };
  return { padded: padSpace(input, padding, padding), mode: "valid" };
}

function isSame(filter: Tensor4D, stride: number, padding: number): boolean {
  return stride === 1 && filter.shape[0] === 2 * padding + 1 && filter.shape[1] === 2 * padding + 1;
}

function padSpace(input: Tensor4D, before: number, after: number): Tensor4D {
  return pad(input, [
    [0, 0],
    [before, after],
    [before, after],
    [0, 0],
  ]);
}

function nativeInputGradient(gradient: Tensor4D, input: Tensor4D, filter: Tensor4D, stride: number, padding: number): Tensor4D {
  const [batch, height, width, channels] = input.shape;
  const same = isSame(filter, stride, padding);
  const extra = same ? 0 : padding;
  return tidy(() => {
    const padded = runKernel(
      "Conv2DBackpropInput",
      { dy: gradient, filter },
      {
        strides: stride,
        pad: same ? "same" : "valid",
        dataFormat: "NHWC",
        inputShape: [batch, height + 2 * extra, width + 2 * extra, channels],
      },
    ) as Tensor4D;
    return extra === 0 ? padded : slice(padded, [0, extra, extra, 0], [batch, height, width, channels]);
  });
}

function nativeFilterGradient(gradient: Tensor4D, input: Tensor4D, filter: Tensor4D, stride: number, padding: number): Tensor4D {
  return tidy(() => {
    const { padded, mode } = nativePadding(input, filter, stride, padding);
    return runKernel(
      "Conv2DBackpropFilter",
      { x: padded, dy: gradient },
      { strides: stride, pad: mode, dataFormat: "NHWC", filterShape: filter.shape },
    ) as Tensor4D;
  });
}

/** dx = the gradient, spread by the stride, convolved with the filter rotated by 180° and its channels exchanged. */
function inputGradient(gradient: Tensor4D, input: Tensor4D, filter: Tensor4D, stride: number, padding: number): Tensor4D {
  return tidy(() => {
    const [, height, width] = input.shape;
    const [kernelHeight, kernelWidth, channels, outChannels] = filter.shape;
    // The order of the taps is reversed by copies of whole taps: wasm's reversal of a large filter takes as long as the convolution.
    const taps = transpose(reshape(filter, [kernelHeight * kernelWidth, channels, outChannels]), [0, 2, 1]);
    const reversed = concat(split(taps, kernelHeight * kernelWidth).toReversed());
    const rotated = reshape(reversed, [kernelHeight, kernelWidth, outChannels, channels]) as Tensor4D;
    let spread = spreadByStride(gradient, stride);
    if (Math.min(kernelHeight, kernelWidth) < stride + padding) {
      // The last of the zeros would lie beyond the padded image.
      const kept = [Math.min(spread.shape[1], height + padding), Math.min(spread.shape[2], width + padding)] as const;
      spread = slice(spread, [0, 0, 0, 0], [-1, ...kept, -1]);
    }
    const padded = pad(spread, [
      [0, 0],
      [kernelHeight - 1 - padding, height - spread.shape[1] + padding],
      [kernelWidth - 1 - padding, width - spread.shape[2] + padding],
      [0, 0],
    ]);
    return tfConv2d(padded as Tensor4D, rotated, 1, "valid");
  });
}

/** Puts stride − 1 zeros after every pixel, by padding inner axes only: the wasm backend pads at most four axes. */
function spreadByStride(gradient: Tensor4D, stride: number): Tensor4D {
  if (stride === 1) return gradient;
  const [batch, height, width, channels] = gradient.shape;
  const columns = pad(reshape(gradient, [batch * height, width, channels]), [
    [0, 0],
    [0, 0],
    [0, (stride - 1) * channels],
  ]);
  const rowLength = stride * width * channels;
  const rows = pad(reshape(columns, [batch, height, rowLength]), [
    [0, 0],
    [0, 0],
    [0, (stride - 1) * rowLength],
  ]);
  return reshape(rows, [batch, height * stride, width * stride, channels]);
}

/** dW = the input, its channels as batch, convolved with the gradient as a filter dilated by the stride. */
function filterGradient(gradient: Tensor4D, input: Tensor4D, filter: Tensor4D, stride: number, padding: number): Tensor {
  const [kernelHeight, kernelWidth, channels, outChannels] = filter.shape;
  return tidy(() => {
    if (kernelHeight === stride && kernelWidth === stride && padding === 0) {
      // Windows that do not overlap: one product. (The general way would need a dilated filter as large as the input.)
      const patches = nonOverlappingPatches(input, stride);
      const product = matMulTransposed(patches, reshape(gradient, [-1, outChannels]), true, false);
      return reshape(product, [kernelHeight, kernelWidth, channels, outChannels]);
    }
    // Rows that no window reaches are cut off, so that the result has the filter's size.
    const [, outHeight, outWidth] = gradient.shape;
    const byChannel = slice(
      transpose(padSpace(input, padding, padding), [3, 1, 2, 0]),
      [0, 0, 0, 0],
      [-1, (outHeight - 1) * stride + kernelHeight, (outWidth - 1) * stride + kernelWidth, -1],
    ) as Tensor4D;
    const asFilter = transpose(gradient, [1, 2, 0, 3]) as Tensor4D;
    const product = tfConv2d(byChannel, asFilter, 1, "valid", "NHWC", stride);
    return transpose(product, [1, 2, 0, 3]);
  });
}

/** `[batch, height, width, channels]` → `[batch·(height/size)·(width/size), size·size·channels]`. */
function nonOverlappingPatches(input: Tensor4D, size: number): Tensor {
  const [batch, height, width, channels] = input.shape;
  const rows = reshape(input, [(batch * height) / size, size, width / size, size * channels]);
  return reshape(transpose(rows, [0, 2, 1, 3]), [-1, size * size * channels]);
}
