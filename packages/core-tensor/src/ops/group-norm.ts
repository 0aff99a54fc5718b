import { add, mean, mul, reshape, rsqrt, sigmoid, square, sub, sum, type Tensor, type Tensor4D, tidy, tile } from "@tensorflow/tfjs-core";
import { HidiffError } from "../errors.ts";
import { sumRows } from "./matmul.ts";
import { operation } from "./operation.ts";

export interface GroupNormOptions {
  readonly groups: number;
  readonly epsilon: number;
  /** Applied after scale and shift, inside the same gradient. Default "none". */
  readonly activation?: "none" | "silu";
}

/**
 * Group normalization (Wu & He 2018) of `[batch, height, width, channels]`, optionally followed by SiLU, as one operation
 * with one gradient, which halves its cost.
 *
 * `scale` and `shift` are `[channels]` or `[batch, channels]` (a shift and scale that depend on the time embedding).
 */
export function groupNorm(input: Tensor4D, scale: Tensor, shift: Tensor, options: GroupNormOptions): Tensor4D {
  const [batch, height, width, channels] = input.shape;
  const { groups, epsilon, activation = "none" } = options;
  if (channels % groups !== 0) {
    throw new HidiffError("groupNorm.groups", `groupNorm: ${channels} channels cannot be divided into ${groups} groups.`);
  }
  const rows = height * width;
  const perGroup = channels / groups;
  const perChannel = (values: Tensor): Tensor => reshape(values, [values.rank === 2 ? batch : 1, 1, channels]);
  /** Mean over a group's pixels and channels, from sums over pixels; `[batch, 1, channels]` → the same. */
  const groupMean = (sums: Tensor): Tensor => {
    if (perGroup === 1) return mul(sums, 1 / rows);
    const means = mul(sum(reshape(sums, [batch, groups, perGroup]), 2, true), 1 / (rows * perGroup));
    return reshape(tile(means, [1, 1, perGroup]), [batch, 1, channels]);
  };
  // Full-size operands come first throughout: on wasm, the other order takes 2.5 times as long.
  const affine = (centred: Tensor, inverse: Tensor, ofScale: Tensor, ofShift: Tensor): Tensor =>
    add(mul(centred, mul(inverse, perChannel(ofScale))), perChannel(ofShift));

  return operation({
    inputs: { input, scale, shift },
    forward: (save) => {
      const flat = reshape(input, [batch, rows, channels]);
      const centred = sub(flat, groupMean(sumRows(flat)));
      const inverse = rsqrt(add(groupMean(sumRows(square(centred))), epsilon));
      save([centred, inverse, scale, shift]);
      const output = affine(centred, inverse, scale, shift);
      return reshape(activation === "silu" ? mul(output, sigmoid(output)) : output, input.shape);
    },
    backward: (gradient, saved) => {
      const [centred, inverse, savedScale, savedShift] = saved as [Tensor, Tensor, Tensor, Tensor];
      let flat = reshape(gradient, [batch, rows, channels]) as Tensor;
      if (activation === "silu") {
        flat = tidy(() => {
          const before = affine(centred, inverse, savedScale, savedShift);
          const gate = sigmoid(before);
          return mul(flat, mul(gate, add(1, mul(before, sub(1, gate)))));
        });
      }
      // Sums over pixels of the gradient, and of the gradient times the normalized input: all three gradients need them.
      const sums = sumRows(flat);
      const products = tidy(() => mul(sumRows(mul(flat, centred)), inverse));
      const like = (perItem: Tensor, parameter: Tensor): Tensor =>
        parameter.rank === 2 ? reshape(perItem, [batch, channels]) : reshape(sum(perItem, 0), [channels]);
      return {
        input: () =>
          tidy(() => {
            const factor = perChannel(savedScale);
            const alongInput = mul(groupMean(mul(products, factor)), square(inverse));
            const alongMean = mul(groupMean(mul(sums, factor)), inverse);
            const residual = sub(sub(mul(flat, mul(inverse, factor)), mul(centred, alongInput)), alongMean);
            return reshape(residual, input.shape);
          }),
        scale: () => tidy(() => like(products, savedScale)),
        shift: () => tidy(() => like(sums, savedShift)),
      };
    },
  }) as Tensor4D;
}

/** Layer normalization (Ba et al. 2016) over the last axis of `[…, channels]`; `scale`, `shift` `[channels]`. */
export function layerNorm(input: Tensor, scale: Tensor, shift: Tensor, epsilon: number): Tensor {
  const channels = input.shape[input.rank - 1]!;
  return operation({
    inputs: { input, scale, shift },
    forward: (save) => {
      const centred = sub(input, mean(input, -1, true));
      const inverse = rsqrt(add(mean(square(centred), -1, true), epsilon));
      const normalized = mul(centred, inverse);
      save([normalized, inverse, scale]);
      return add(mul(normalized, scale), shift) as Tensor;
    },
    backward: (gradient, saved) => {
      const [normalized, inverse, savedScale] = saved as [Tensor, Tensor, Tensor];
      return {
        input: () =>
          tidy(() => {
            const scaled = mul(gradient, savedScale);
            const along = mean(mul(scaled, normalized), -1, true);
            return mul(sub(scaled, add(mean(scaled, -1, true), mul(normalized, along))), inverse);
          }),
        scale: () => tidy(() => reshape(sumRows(reshape(mul(gradient, normalized), [-1, channels])), [channels])),
        shift: () => tidy(() => reshape(sumRows(reshape(gradient, [-1, channels])), [channels])),
      };
    },
  });
}
