import { abs, cast, greater, mean, mul, operation, sub, type Tensor, tidy } from "@hidiff/core-tensor";

/**
 * Binary weights per output channel (the last axis): `mean|W|·sign(W − centre)`, with centre 0 or, if `centred`, the
 * mean of the channel's weights. The scale is the mean magnitude of the uncentred weights (XNOR-Net; Rastegari et al. 2016).
 *
 * The gradient passes straight through where |W − centre| ≤ 1, else it is 0; the scale is not a factor of it and no
 * gradient flows through the scale. Centred, it then passes through the centring.
 *
 * @param weight `[…, outChannels]`
 */
export function binarizeWeights<T extends Tensor>(weight: T, { centred }: { readonly centred: boolean }): T {
  const axes = weight.shape.slice(0, -1).map((_, axis) => axis);
  return operation({
    inputs: { weight },
    forward: (save) => {
      const deviation: Tensor = centred ? sub(weight, mean(weight, axes, true)) : weight;
      save([deviation]);
      const signs = sub(mul(cast(greater(deviation, 0), "float32"), 2), 1);
      return mul(signs, mean(abs(weight), axes, true)) as Tensor;
    },
    backward: (gradient, [deviation]) => ({
      weight: () =>
        tidy(() => {
          const inside = sub(1, cast(greater(abs(deviation!), 1), "float32"));
          const passed = mul(gradient, inside);
          return centred ? sub(passed, mean(passed, axes, true)) : passed;
        }),
    }),
  }) as T;
}
