import { add, mean, mul, neg, reshape, rsqrt, square, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { fusedBatchNorm, fusedBatchNormGradient } from "../backends/native-kernels.ts";
import { sumRows } from "./matmul.ts";
import { isNative, operation } from "./operation.ts";

/** Outputs of {@link batchNormTraining}. */
export interface BatchNormOutputs<T extends Tensor> {
  /** Normalized, scaled and shifted input. */
  readonly output: T;
  /** Mean over the batch, per channel; without gradient. */
  readonly mean: Tensor;
  /** Biased variance over the batch, per channel; without gradient. */
  readonly variance: Tensor;
}

/**
 * Batch normalization with the statistics of the batch: over all axes but the last of `input` `[…, channels]`.
 * `scale` and `shift` are `[channels]`. One gradient for the whole formula (Ioffe & Szegedy 2015).
 */
export function batchNormTraining<T extends Tensor>(input: T, scale: Tensor, shift: Tensor, epsilon: number): BatchNormOutputs<T> {
  const channels = input.shape[input.rank - 1]!;
  const rows = input.size / channels;
  const [output, batchMean, batchVariance] = operation({
    inputs: { input, scale, shift },
    forward: (save): Tensor[] => {
      if (isNative()) {
        const fused = fusedBatchNorm(reshape(input, [1, rows, 1, channels]), scale, shift, epsilon);
        save([input, scale, ...fused.reserved]);
        return [reshape(fused.output, input.shape), fused.mean, fused.variance];
      }
      const flat = reshape(input, [rows, channels]);
      const average = meanRows(flat);
      const centred = sub(flat, average);
      const variance = meanRows(square(centred));
      const inverse = rsqrt(add(variance, epsilon));
      save([centred, scale, inverse]);
      return [
        reshape(add(mul(centred, mul(inverse, scale)), shift), input.shape),
        reshape(average, [channels]),
        reshape(variance, [channels]),
      ];
    },
    backward: ([gradient], saved) => {
      const flat = reshape(gradient!, [rows, channels]);
      if (isNative()) {
        const [savedInput, savedScale, ...reserved] = saved as [Tensor, Tensor, ...Tensor[]];
        const grads = fusedBatchNormGradient(
          reshape(flat, [1, rows, 1, channels]),
          reshape(savedInput, [1, rows, 1, channels]),
          savedScale,
          reserved,
          epsilon,
        );
        return { input: () => reshape(grads.input, input.shape), scale: () => grads.scale, shift: () => grads.shift };
      }
      const [centred, savedScale, inverse] = saved as [Tensor, Tensor, Tensor];
      const gradientOfShift = sumRows(flat);
      const gradientOfScale = tidy(() => mul(sumRows(mul(flat, centred)), inverse));
      return {
        input: () =>
          tidy(() => {
            const alongInput = mul(mul(gradientOfScale, inverse), 1 / rows);
            const residual = sub(sub(flat, mul(centred, alongInput)), mul(gradientOfShift, 1 / rows));
            return reshape(mul(residual, mul(inverse, savedScale)), input.shape);
          }),
        scale: () => reshape(gradientOfScale, [channels]),
        shift: () => reshape(gradientOfShift, [channels]),
      };
    },
  }) as [T, Tensor, Tensor];
  return { output, mean: batchMean, variance: batchVariance };
}

/** Batch normalization with given statistics, as at inference: an affine map per channel. All of `[channels]`. */
export function batchNormInference<T extends Tensor>(
  input: T,
  statistics: { readonly mean: Tensor; readonly variance: Tensor },
  scale: Tensor,
  shift: Tensor,
  epsilon: number,
): T {
  const factor = mul(scale, rsqrt(add(statistics.variance, epsilon)));
  const offset = add(shift, neg(mul(statistics.mean, factor)));
  return channelAffine(input, factor, offset);
}

/** `input · factor + offset` with `factor`, `offset` `[channels]` and `input` `[…, channels]`, in one recorded step. */
export function channelAffine<T extends Tensor>(input: T, factor: Tensor, offset: Tensor): T {
  const channels = input.shape[input.rank - 1]!;
  return operation({
    inputs: { input, factor, offset },
    forward: (save) => {
      save([input, factor]);
      return add(mul(input, factor), offset) as Tensor;
    },
    backward: (gradient, [savedInput, savedFactor]) => ({
      input: () => mul(gradient, savedFactor!),
      factor: () => tidy(() => reshape(sumRows(reshape(mul(gradient, savedInput!), [-1, channels])), [channels])),
      offset: () => tidy(() => reshape(sumRows(reshape(gradient, [-1, channels])), [channels])),
    }),
  }) as T;
}

function meanRows(flat: Tensor): Tensor {
  return isNative() ? mean(flat, 0, true) : mul(sumRows(flat), 1 / flat.shape[0]!);
}
