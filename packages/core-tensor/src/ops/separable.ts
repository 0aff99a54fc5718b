import { clone, matMul as tfMatMul, reshape, tensor3d, type Tensor4D, tidy, tile, transpose } from "@tensorflow/tfjs-core";
import { operation } from "./operation.ts";

/** A linear map along one axis: `rows` × `columns` weights in row-major order, output = matrix · input. */
export interface AxisMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/**
 * Applies one linear map along the height and one along the width of `[batch, height, width, channels]`; `undefined`
 * leaves an axis as it is. The gradient is the transposed maps, hence exact: the gradients of TensorFlow.js's own
 * resizing and of its padded average pooling are wrong on some backends.
 */
export function applySeparable(input: Tensor4D, vertical: AxisMatrix | undefined, horizontal: AxisMatrix | undefined): Tensor4D {
  if (vertical === undefined && horizontal === undefined) return clone(input);
  return operation({
    inputs: { input },
    forward: () => tidy(() => apply(input, vertical, horizontal)),
    backward: (gradient) => ({
      input: () => tidy(() => apply(gradient, vertical && transposed(vertical), horizontal && transposed(horizontal))),
    }),
  });
}

function apply(input: Tensor4D, vertical: AxisMatrix | undefined, horizontal: AxisMatrix | undefined): Tensor4D {
  let result = input;
  if (vertical !== undefined) result = alongHeight(result, vertical);
  if (horizontal !== undefined) result = transposeSpace(alongHeight(transposeSpace(result), horizontal));
  return result;
}

function alongHeight(input: Tensor4D, matrix: AxisMatrix): Tensor4D {
  const [batch, height, width, channels] = input.shape;
  const weights = tensor3d(matrix.values, [1, matrix.rows, matrix.columns]);
  const product = tfMatMul(tile(weights, [batch, 1, 1]), reshape(input, [batch, height, width * channels]));
  return reshape(product, [batch, matrix.rows, width, channels]);
}

function transposeSpace(input: Tensor4D): Tensor4D {
  return transpose(input, [0, 2, 1, 3]);
}

function transposed({ rows, columns, values }: AxisMatrix): AxisMatrix {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  }
  return { rows: columns, columns: rows, values: result };
}
