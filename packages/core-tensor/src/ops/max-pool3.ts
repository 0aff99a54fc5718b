import {
  add,
  cast,
  concat,
  equal,
  logicalAnd,
  logicalNot,
  mul,
  pad,
  reshape,
  slice,
  type Tensor,
  type Tensor4D,
  tidy,
} from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { maxPooling } from "./pooling.ts";

/**
 * Maximum over 3×3 windows at stride 2, without padding: `[batch, height, width, channels]` →
 * `[batch, height/2 − 1, width/2 − 1, channels]`; no window reaches the last row and column.
 *
 * The gradient goes to the first maximum in row-major order, as in PyTorch. (The wasm backend's own gradient is wrong
 * where a window is all negative.)
 *
 * @throws HidiffError `pooling.shape` unless height and width are even and at least 4
 */
export function maxPool3(input: Tensor4D): Tensor4D {
  const [, height, width] = input.shape;
  if (height % 2 !== 0 || width % 2 !== 0 || height < 4 || width < 4) {
    throw new HidiffError(
      "pooling.shape",
      `maxPool3: expected even height and width of at least 4, got [${input.shape}]; pad the image first.`,
    );
  }
  return maxPooling(input, 3, maxPool3Gradient);
}

/** The four maps of every other row and column hold the windows' nine taps, each as a slice of the output's size. */
function maxPool3Gradient(gradient: Tensor4D, input: Tensor4D, output: Tensor4D): Tensor {
  return tidy(() => {
    const [batch, height, width, channels] = input.shape;
    const [, outHeight, outWidth] = output.shape;
    const [rows, columns] = [height / 2, width / 2];
    const pairs = reshape(input, [batch * rows, 2, columns, 2 * channels]);
    const maps = [0, 1].map((row) =>
      [0, 1].map((column) =>
        reshape(slice(pairs, [0, row, 0, column * channels], [-1, 1, -1, channels]), [batch, rows, columns, channels]),
      ),
    );
    const gradients: (Tensor | undefined)[][] = [[], []];
    let free: Tensor | undefined;
    for (const row of [0, 1, 2]) {
      for (const column of [0, 1, 2]) {
        const [firstRow, firstColumn] = [row >> 1, column >> 1];
        const tap = slice(maps[row % 2]![column % 2]!, [0, firstRow, firstColumn, 0], [-1, outHeight, outWidth, -1]);
        const isMaximum = equal(tap, output);
        const isFirst = free === undefined ? isMaximum : logicalAnd(isMaximum, free);
        free = free === undefined ? logicalNot(isMaximum) : logicalAnd(free, logicalNot(isMaximum));
        const part = pad(mul(cast(isFirst, "float32"), gradient), [
          [0, 0],
          [firstRow, 1 - firstRow],
          [firstColumn, 1 - firstColumn],
          [0, 0],
        ]);
        const total = gradients[row % 2]![column % 2];
        gradients[row % 2]![column % 2] = total === undefined ? part : add(total, part);
      }
    }
    const merged = gradients.map((row) => reshape(concat(row as Tensor[], 3), [batch * rows, 1, columns, 2 * channels]));
    return reshape(concat(merged, 1), input.shape);
  });
}
