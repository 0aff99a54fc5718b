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
  /** Mean over a group's pixels and channels, `[batch, rows, channels]` → `[batch, 1, channels]`. */
  const groupMean = (values: Tensor): Tensor => {
    const sums = reshape(sumRows(values), [batch, groups, perGroup]);
    const means = mul(sum(sums, 2, true), 1 / (rows * perGroup));
    return reshape(tile(means, [1, 1, perGroup]), [batch, 1, channels]);
  };
  const affine = (normalized: Tensor, savedScale: Tensor, savedShift: Tensor): Tensor =>
    add(mul(normalized, perChannel(savedScale)), perChannel(savedShift));

  return operation({
    inputs: { input, scale, shift },
    forward: (save) => {
      const flat = reshape(input, [batch, rows, channels]);
      const centred = sub(flat, groupMean(flat));
      const inverse = rsqrt(add(groupMean(square(centred)), epsilon));
      const normalized = mul(centred, inverse);
      save([normalized, inverse, scale, shift]);
      const output = affine(normalized, scale, shift);
      return reshape(activation === "silu" ? mul(output, sigmoid(output)) : output, input.shape);
    },
    backward: (gradient, saved) => {
      const [normalized, inverse, savedScale, savedShift] = saved as [Tensor, Tensor, Tensor, Tensor];
      let flat = reshape(gradient, [batch, rows, channels]) as Tensor;
      if (activation === "silu") {
        flat = tidy(() => {
          const before = affine(normalized, savedScale, savedShift);
          const gate = sigmoid(before);
          return mul(flat, mul(gate, add(1, mul(before, sub(1, gate)))));
        });
      }
      const like = (perItem: Tensor, parameter: Tensor): Tensor =>
        parameter.rank === 2 ? reshape(perItem, [batch, channels]) : reshape(sum(perItem, 0), [channels]);
      return {
        input: () =>
          tidy(() => {
            const scaled = mul(flat, perChannel(savedScale));
            const residual = sub(scaled, add(groupMean(scaled), mul(normalized, groupMean(mul(scaled, normalized)))));
            return reshape(mul(residual, inverse), input.shape);
          }),
        scale: () => tidy(() => like(sumRows(mul(flat, normalized)), savedScale)),
        shift: () => tidy(() => like(sumRows(flat), savedShift)),
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
