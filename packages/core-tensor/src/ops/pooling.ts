import {
  avgPool,
  cast,
  concat,
  div,
  equal,
  image,
  logicalAnd,
  logicalNot,
  maxPool,
  mul,
  reshape,
  slice,
  type Tensor,
  type Tensor4D,
  tidy,
} from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { isNative, operation, runKernel } from "./operation.ts";

/** Mean over 2×2 windows: `[batch, height, width, channels]` → `[batch, height/2, width/2, channels]`. */
export function avgPool2(input: Tensor4D): Tensor4D {
  requireEvenSides("avgPool2", input);
  return operation({
    inputs: { input },
    forward: () => avgPool(input, 2, 2, "valid"),
    backward: (gradient) => ({ input: () => tidy(() => div(repeat2(gradient), 4)) }),
  });
}

/** Nearest-neighbour upsampling by two: `[batch, height, width, channels]` → `[batch, 2·height, 2·width, channels]`. */
export function upsampleNearest2(input: Tensor4D): Tensor4D {
  return operation({
    inputs: { input },
    forward: () => repeat2(input),
    backward: (gradient) => ({ input: () => tidy(() => mul(avgPool(gradient, 2, 2, "valid"), 4)) }),
  });
}

/**
 * Maximum over 2×2 windows: `[batch, height, width, channels]` → `[batch, height/2, width/2, channels]`.
 *
 * The gradient goes to the first maximum in row-major order, as in PyTorch. (The wasm backend's own gradient is wrong
 * where a window is all negative.)
 */
export function maxPool2(input: Tensor4D): Tensor4D {
  requireEvenSides("maxPool2", input);
  return maxPooling(input, 2, maxPoolGradient);
}

/**
 * Maximum over windows of `size`×`size` at stride 2, with TensorFlow's gradient on the native backend.
 *
 * @param portableGradient of the input elsewhere
 */
export function maxPooling(
  input: Tensor4D,
  size: number,
  portableGradient: (gradient: Tensor4D, input: Tensor4D, output: Tensor4D) => Tensor,
): Tensor4D {
  return operation({
    inputs: { input },
    forward: (save) => {
      const output = maxPool(input, size, 2, "valid");
      save([input, output]);
      return output;
    },
    backward: (gradient, saved) => {
      const [savedInput, output] = saved as [Tensor4D, Tensor4D];
      return {
        input: () =>
          isNative()
            ? runKernel("MaxPoolGrad", { dy: gradient, input: savedInput, output }, { filterSize: size, strides: 2, pad: "valid" })
            : portableGradient(gradient, savedInput, output),
      };
    },
  });
}

function maxPoolGradient(gradient: Tensor4D, input: Tensor4D, output: Tensor4D): Tensor {
  return tidy(() => {
    const [batch, height, width, channels] = output.shape;
    const windows = reshape(input, [batch * height, 2, width, 2 * channels]);
    const corners = [0, 1].flatMap((row) =>
      [0, 1].map((column) =>
        reshape(slice(windows, [0, row, 0, column * channels], [-1, 1, -1, channels]), [batch, height, width, channels]),
      ),
    );
    let free: Tensor | undefined;
    const [a, b, c, d] = corners.map((corner) => {
      const isMaximum = equal(corner, output);
      const first = free === undefined ? isMaximum : logicalAnd(isMaximum, free);
      const others = logicalNot(isMaximum);
      free = free === undefined ? others : logicalAnd(free, others);
      return reshape(mul(cast(first, "float32"), gradient), [batch * height, 1, width, channels]);
    }) as [Tensor, Tensor, Tensor, Tensor];
    return reshape(concat([concat([a, b], 3), concat([c, d], 3)], 1), input.shape);
  });
}

function repeat2(input: Tensor4D): Tensor4D {
  return image.resizeNearestNeighbor(input, [2 * input.shape[1], 2 * input.shape[2]]);
}

function requireEvenSides(name: string, input: Tensor4D): void {
  const [, height, width] = input.shape;
  if (height % 2 !== 0 || width % 2 !== 0) {
    throw new HidiffError("pooling.shape", `${name}: expected even height and width, got [${input.shape}]; pad the image first.`);
  }
}
