import { matMul as tfMatMul, ones, sum, type Tensor, tidy, transpose } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { isNative, operation } from "./operation.ts";

/**
 * Matrix product of `a` `[…, m, k]` and `b` `[…, k, n]` with equal leading dimensions (no broadcasting, whose gradient
 * TensorFlow.js computes in a wrong shape).
 *
 * @throws HidiffError `matmul.shape`
 */
export function matMul(a: Tensor, b: Tensor): Tensor {
  const fits =
    a.rank === b.rank &&
    a.shape[a.rank - 1] === b.shape[b.rank - 2] &&
    a.shape.slice(0, -2).every((size, axis) => size === b.shape[axis]);
  if (!fits) {
    throw new HidiffError(
      "matmul.shape",
      `matMul: expected […, m, k] · […, k, n] with equal leading dimensions, got [${a.shape}] · [${b.shape}].`,
    );
  }
  return operation({
    inputs: { a, b },
    forward: (save) => {
      save([a, b]);
      return tfMatMul(a, b);
    },
    backward: (gradient, [savedA, savedB]) => ({
      a: () => matMulTransposed(gradient, savedB!, false, true),
      b: () => matMulTransposed(savedA!, gradient, true, false),
    }),
  });
}

/** Product with transposed operands, outside the tape. The wasm kernel is ten times slower with transpose flags. */
export function matMulTransposed(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  if (isNative()) return tfMatMul(a, b, transposeA, transposeB);
  return tidy(() => tfMatMul(transposeA ? swapLast(a) : a, transposeB ? swapLast(b) : b));
}

/** `[…, m, n]` → `[…, n, m]`. */
export function swapLast(matrix: Tensor): Tensor {
  const axes = matrix.shape.map((_, axis) => axis);
  return transpose(matrix, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

/** Sum over rows: `[…, rows, channels]` → `[…, 1, channels]`, outside the tape. A product on wasm, where sums transpose. */
export function sumRows(values: Tensor): Tensor {
  const rows = values.shape[values.rank - 2]!;
  if (isNative()) return sum(values, values.rank - 2, true);
  return tidy(() => tfMatMul(ones([...values.shape.slice(0, -2), 1, rows]), values));
}
